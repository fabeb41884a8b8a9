// Writes random cases with their outcomes. A case that is too large, too slow or not deterministic is replaced.

package main

import (
	"io"
	"math/rand"
	"reflect"
	"strings"
	"text/template"
	"time"
	"unicode/utf8"
)

const (
	// maxInteger is the largest count that a function which repeats something may be given.
	maxInteger = 2000
	// maxResult is the most bytes or elements that a function may give.
	maxResult = 64 * 1024
	// timeLimit is how long one rendering may take.
	timeLimit = 2 * time.Second
	// runs is how often a case must end the same way.
	runs = 3
)

// multiplying functions build something as large as their numbers say.
var multiplying = map[string]bool{
	"repeat": true, "until": true, "untilStep": true, "seq": true, "indent": true, "nindent": true, "printf": true,
	"chunk": true, "mustChunk": true,
}

func random(count int, seed int64, out io.Writer) error {
	functions := guarded(functions())
	generator := newGenerator(rand.New(rand.NewSource(seed)), functions)
	var lines jsonLines
	for written := 0; written < count; {
		input := generator.input()
		if !utf8.ValidString(input.Template) {
			continue
		}
		outcome, isFit := stableOutcome(input, functions)
		if !isFit {
			continue
		}
		record := recordOf(input, outcome)
		record.Data = encodedData(input.Data)
		lines.add(record)
		if lines.err != nil {
			return lines.err
		}
		if _, err := lines.WriteTo(out); err != nil {
			return err
		}
		written++
	}
	return nil
}

// stableOutcome renders the case several times; an outcome that changes depends on something other than the case.
func stableOutcome(input Input, functions template.FuncMap) (Outcome, bool) {
	done := make(chan Outcome, 1)
	var first Outcome
	for run := 0; run < runs; run++ {
		go func() { done <- render(input, functions) }()
		select {
		case outcome := <-done:
			if outcome.TooLarge {
				return outcome, false
			}
			if run == 0 {
				first = outcome
			} else if outcome.Failed != first.Failed || string(outcome.Output) != string(first.Output) {
				return outcome, false
			}
		case <-time.After(timeLimit):
			return Outcome{}, false
		}
	}
	return first, true
}

// guarded gives the same functions, but none of them builds anything huge.
func guarded(functions template.FuncMap) template.FuncMap {
	functions["printf"] = printfBuiltin
	for name, function := range functions {
		functions[name] = guardedFunction(name, reflect.ValueOf(function))
	}
	delete(functions, "printf")
	return functions
}

// printfBuiltin only has its signature read.
func printfBuiltin(format string, values ...any) string { return "" }

func guardedFunction(name string, function reflect.Value) any {
	kind := function.Type()
	return reflect.MakeFunc(kind, func(arguments []reflect.Value) []reflect.Value {
		if multiplying[name] {
			for _, argument := range arguments {
				refuseLargeIntegers(argument)
			}
		}
		var results []reflect.Value
		if kind.IsVariadic() {
			results = function.CallSlice(arguments)
		} else {
			results = function.Call(arguments)
		}
		refuseLargeResult(results[0])
		return results
	}).Interface()
}

func refuseLargeIntegers(value reflect.Value) {
	switch {
	case value.CanInt() && (value.Int() > maxInteger || value.Int() < -maxInteger):
		panic(errTooLarge)
	case value.Kind() == reflect.Slice:
		for i := 0; i < value.Len(); i++ {
			refuseLargeIntegers(value.Index(i))
		}
	}
}

func refuseLargeResult(value reflect.Value) {
	if value.Kind() == reflect.Interface {
		value = value.Elem()
	}
	switch value.Kind() {
	case reflect.String, reflect.Slice, reflect.Map:
		if value.Len() > maxResult {
			panic(errTooLarge)
		}
	}
}

// mutated breaks a template as a slip of the hand would.
func (g *generator) mutated(source string) string {
	pieces := []string{
		"{{", "}}", "{{-", "-}}", "(", ")", "|", "\"", "`", "'", ".", "$", "$x", ":=", "=", ",", " ", "\n", "{{end}}",
		"{{else}}", "{{break}}", "/*", "*/", "{{/*", "0x", "1e", "\\", "nil", "é", "{", "}", "[", "-", "+", "%", "end", "range",
	}
	at := func() int { return g.Intn(len(source) + 1) }
	switch g.Intn(4) {
	case 0:
		i := at()
		return source[:i] + pieces[g.Intn(len(pieces))] + source[i:]
	case 1:
		return source[:at()]
	case 2:
		i, j := at(), at()
		if i > j {
			i, j = j, i
		}
		return source[:i] + source[min(j, i+3):]
	default:
		piece := pieces[g.Intn(len(pieces))]
		return strings.Replace(source, piece, pieces[g.Intn(len(pieces))], 1)
	}
}
