// Writes the corpus: the outcome of every case file, as JSON lines.

package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/tidwall/gjson"
)

// context is a line that holds for the cases after it.
type context struct {
	Data       map[string]any `json:"data"`
	Delimiters []string       `json:"delimiters,omitempty"`
}

// record is one template with its outcome. Data and Delimiters only stand in random cases.
type record struct {
	Data         map[string]any `json:"data,omitempty"`
	Delimiters   []string       `json:"delimiters,omitempty"`
	Template     string         `json:"template"`
	Output       *string        `json:"output,omitempty"`
	OutputBase64 *string        `json:"output_base64,omitempty"`
	Error        string         `json:"error,omitempty"`
	Go           string         `json:"go,omitempty"`
}

type gjsonContext struct {
	JSON string `json:"json"`
}

type gjsonRecord struct {
	Path   string `json:"path"`
	Exists bool   `json:"exists"`
	Text   string `json:"text"`
}

// family is one file of the corpus.
type family struct {
	name    string
	cases   int
	content []byte
}

// corpus gives every file of the corpus, made from the case files in folder.
func corpus(folder string) ([]family, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.txt"))
	if err != nil {
		return nil, err
	}
	var families []family
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		make := templateFamily
		if strings.HasPrefix(name, "gjson") {
			make = gjsonFamily
		}
		family, err := make(file)
		if err != nil {
			return nil, err
		}
		family.name = name
		families = append(families, family)
	}
	return families, nil
}

func templateFamily(file string) (family, error) {
	inputs, err := readTemplates(file)
	if err != nil {
		return family{}, err
	}
	functions := functions()
	var lines jsonLines
	var last *Input
	for i := range inputs {
		input := &inputs[i]
		if last == nil || !reflect.DeepEqual(last.Data, input.Data) || last.Delimiters != input.Delimiters {
			lines.add(context{encodedData(input.Data), encodedDelimiters(input.Delimiters)})
			last = input
		}
		outcome := render(*input, functions)
		if outcome.TooLarge {
			return family{}, fmt.Errorf("%s: too large: %s", file, input.Template)
		}
		lines.add(recordOf(*input, outcome))
	}
	return family{cases: len(inputs), content: lines.Bytes()}, lines.err
}

func gjsonFamily(file string) (family, error) {
	texts, err := readLines(file)
	if err != nil {
		return family{}, err
	}
	var lines jsonLines
	document, cases, seen := "", 0, map[string]bool{}
	for _, text := range texts {
		if text.directive == "json" {
			document = text.text
			lines.add(gjsonContext{document})
			continue
		}
		if seen[document+"\x00"+text.text] {
			continue
		}
		seen[document+"\x00"+text.text] = true
		result := gjson.Get(document, text.text)
		if !utf8.ValidString(result.String()) {
			return family{}, fmt.Errorf("%s:%d: the result is not text", file, text.number)
		}
		lines.add(gjsonRecord{text.text, result.Exists(), result.String()})
		cases++
	}
	return family{cases: cases, content: lines.Bytes()}, lines.err
}

// jsonLines collects values as JSON, one a line, with < and > as they are.
type jsonLines struct {
	bytes.Buffer
	err error
}

func (l *jsonLines) add(value any) {
	encoder := json.NewEncoder(l)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		l.err = err
	}
}

func recordOf(input Input, outcome Outcome) record {
	record := record{Template: input.Template, Error: outcome.Failed, Go: readable(outcome.Text)}
	if outcome.Failed == "" {
		output := string(outcome.Output)
		if utf8.ValidString(output) {
			record.Output = &output
		} else {
			encoded := base64.StdEncoding.EncodeToString(outcome.Output)
			record.OutputBase64 = &encoded
		}
	}
	return record
}

// readable makes an error text fit for a JSON line; it is there for readers only.
func readable(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) > 200 {
		text = strings.ToValidUTF8(text[:200], "") + "…"
	}
	return text
}

// encodedData writes values that are not text as {"base64": …}.
func encodedData(data map[string]string) map[string]any {
	encoded := map[string]any{}
	for name, value := range data {
		if utf8.ValidString(value) {
			encoded[name] = value
		} else {
			encoded[name] = map[string]string{"base64": base64.StdEncoding.EncodeToString([]byte(value))}
		}
	}
	return encoded
}

func encodedDelimiters(delimiters [2]string) []string {
	if delimiters == [2]string{} {
		return nil
	}
	return delimiters[:]
}

// write puts the families into folder.
func write(families []family, folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for _, family := range families {
		if err := os.WriteFile(filepath.Join(folder, family.name+".jsonl"), family.content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// check fails if folder does not hold exactly the families.
func check(families []family, folder string) error {
	var different []string
	known := map[string]bool{}
	for _, family := range families {
		file := family.name + ".jsonl"
		known[file] = true
		if content, err := os.ReadFile(filepath.Join(folder, file)); err != nil || !bytes.Equal(content, family.content) {
			different = append(different, file)
		}
	}
	present, err := filepath.Glob(filepath.Join(folder, "*.jsonl"))
	if err != nil {
		return err
	}
	for _, file := range present {
		if !known[filepath.Base(file)] {
			different = append(different, filepath.Base(file)+" (no such case file)")
		}
	}
	if len(different) > 0 {
		return fmt.Errorf("not what the case files give: %s", strings.Join(different, ", "))
	}
	return nil
}
