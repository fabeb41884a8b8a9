// Reads case files. The README describes their format.

package main

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// line is one logical line of a case file: a directive with its argument, or a text (template or path).
type line struct {
	number    int
	directive string
	text      string
}

// readLines joins multi-line texts and drops comments.
func readLines(file string) ([]line, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var lines []line
	raw := strings.Split(strings.TrimSuffix(string(content), "\n"), "\n")
	for i := 0; i < len(raw); i++ {
		text, number := raw[i], i+1
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		directive := ""
		if strings.HasPrefix(text, "@") {
			directive, text, _ = strings.Cut(text[1:], " ")
		}
		if name, isOpen := strings.CutSuffix(text, "<<<"); isOpen && (name == "" || strings.HasSuffix(name, "= ")) {
			start := i + 1
			for i++; i < len(raw) && raw[i] != ">>>"; i++ {
			}
			if i == len(raw) {
				return nil, fmt.Errorf("%s:%d: no line >>>", file, number)
			}
			text = name + strings.Join(raw[start:i], "\n")
		} else if text, err = unquoted(text); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, number, err)
		}
		lines = append(lines, line{number, directive, text})
	}
	return lines, nil
}

// unquoted undoes Go's quoting of a text that begins and ends with a double quote.
func unquoted(text string) (string, error) {
	if len(text) < 2 || text[0] != '"' || text[len(text)-1] != '"' {
		return text, nil
	}
	return strconv.Unquote(text)
}

// readTemplates gives the inputs of one case file, in order.
func readTemplates(file string) ([]Input, error) {
	lines, err := readLines(file)
	if err != nil {
		return nil, err
	}
	reader := templateReader{folder: filepath.Dir(file), data: map[string]string{}, seen: map[string]bool{}}
	for _, line := range lines {
		if err := reader.read(line); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, line.number, err)
		}
	}
	return reader.inputs, nil
}

type variable struct {
	name   string
	values []string
}

type templateReader struct {
	folder     string
	data       map[string]string
	delimiters [2]string
	each       []variable
	inputs     []Input
	seen       map[string]bool
}

func (r *templateReader) read(line line) error {
	switch line.directive {
	case "":
		return r.add(line.text)
	case "data":
		return r.setData(line.text)
	case "clear":
		r.data, r.each = map[string]string{}, nil
	case "delimiters":
		r.delimiters = [2]string{}
		if _, err := fmt.Sscan(line.text+" ", &r.delimiters[0], &r.delimiters[1]); err != nil && line.text != "" {
			return fmt.Errorf("@delimiters LEFT RIGHT: %w", err)
		}
	case "each":
		return r.setEach(line.text)
	default:
		return fmt.Errorf("unknown directive @%s", line.directive)
	}
	return nil
}

func (r *templateReader) setData(text string) error {
	name, value, found := strings.Cut(text, " = ")
	if !found {
		return fmt.Errorf("@data NAME = VALUE")
	}
	copied := map[string]string{}
	for name, value := range r.data {
		copied[name] = value
	}
	r.data = copied
	if file, isFile := strings.CutPrefix(value, "file:"); isFile {
		content, err := os.ReadFile(filepath.Join(r.folder, file))
		r.data[name] = string(content)
		return err
	}
	if encoded, isBase64 := strings.CutPrefix(value, "base64:"); isBase64 {
		content, err := base64.StdEncoding.DecodeString(encoded)
		r.data[name] = string(content)
		return err
	}
	var err error
	r.data[name], err = unquoted(value)
	return err
}

func (r *templateReader) setEach(text string) error {
	name, values, found := strings.Cut(text, " = ")
	var kept []variable
	for _, variable := range r.each {
		if variable.name != name {
			kept = append(kept, variable)
		}
	}
	r.each = kept
	if found {
		r.each = append(r.each, variable{name, strings.Split(values, " ;; ")})
	}
	return nil
}

// add takes a template, once for every combination of the @each values that it names.
func (r *templateReader) add(text string) error {
	for _, variable := range r.each {
		placeholder := "<" + variable.name + ">"
		if strings.Contains(text, placeholder) {
			for _, value := range variable.values {
				if err := r.add(strings.ReplaceAll(text, placeholder, value)); err != nil {
					return err
				}
			}
			return nil
		}
	}
	input := Input{Template: text, Data: r.data, Delimiters: r.delimiters}
	identity := fmt.Sprintf("%q", input)
	if !r.seen[identity] {
		r.seen[identity] = true
		r.inputs = append(r.inputs, input)
	}
	return nil
}
