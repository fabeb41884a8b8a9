// Records what Go's text/template gives for the templates of cases.jsonl: reads cases from standard input and
// writes them with their outcome to standard output. The functions make values of every type; their twins for the
// engine's own tests are in src/engine/go_template/tests/values.rs.
//
//	go run . < cases.jsonl > recorded && mv recorded cases.jsonl
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"text/template"
)

// Case is a template with its delimiters and its outcome. Text is base64.
type Case struct {
	Template []byte `json:"template"`
	Left     string `json:"left,omitempty"`
	Right    string `json:"right,omitempty"`
	// Outcome is "output", "parse" or "execute": where the template fails.
	Outcome string `json:"outcome"`
	Output  []byte `json:"output,omitempty"`
}

var data = map[string]string{
	"a": "x", "num": "42", "empty": "", "a-b": "dash", "multi": "l1\nl2",
	"bin":  "\xff\xfe\x00",
	"html": "<a href='x'>&\"=\x00+",
	"uni":  "héllo wörld ☃ 😀\u200b",
}

var functions = template.FuncMap{
	"tlist":   func(values ...any) []any { return values },
	"tstrs":   func(values ...string) []string { return values },
	"tdict":   func(values ...any) map[string]any { return pairs(values) },
	"tsmap":   func(values ...string) map[string]string { return pairs(values) },
	"tbytes":  func(value string) []byte { return []byte(value) },
	"tint":    func(value int) int { return value },
	"tint64":  func(value int64) int64 { return value },
	"tint32":  func(value int32) int32 { return value },
	"tuint8":  func(value uint8) uint8 { return value },
	"tuint64": func(value uint64) uint64 { return value },
	"tfloat":  func(value float64) float64 { return value },
	"tnan":    math.NaN,
	"tinf":    math.Inf,
	"tbool":   func(value bool) bool { return value },
	"tstr":    func(value string) string { return value },
	"tnil":    func() any { return nil },
	"tany":    func(value any) any { return value },
	"tnums":   func(value []any) int { return len(value) },
	"tkeys":   func(value map[string]any) int { return len(value) },
	"ttwo":    func(a string, b int, c ...any) string { return fmt.Sprint(a, b, len(c)) },
	"tset": func(m map[string]any, key string, value any) map[string]any {
		m[key] = value
		return m
	},
}

func pairs[T any](values []T) map[string]T {
	result := map[string]T{}
	for i := 0; i+1 < len(values); i += 2 {
		result[fmt.Sprint(values[i])] = values[i+1]
	}
	return result
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<26)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for in.Scan() {
		var c Case
		if err := json.Unmarshal(in.Bytes(), &c); err != nil {
			panic(err)
		}
		c.Outcome, c.Output = outcome(c)
		line, err := json.Marshal(c)
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(out, "%s\n", line)
	}
}

func outcome(c Case) (string, []byte) {
	t := template.New("").Option("missingkey=error").Funcs(functions).Delims(c.Left, c.Right)
	if _, err := t.Parse(string(c.Template)); err != nil {
		return "parse", nil
	}
	var output bytes.Buffer
	if err := t.Execute(&output, data); err != nil {
		return "execute", nil
	}
	return "output", output.Bytes()
}
