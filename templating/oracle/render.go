// Renders one template as ESO does, and says how it ended.

package main

import (
	"errors"
	"fmt"
	"io"
	"text/template"
)

// maxOutput is the most bytes that a case may render.
const maxOutput = 256 * 1024

// errTooLarge says that a case is not one to compare, because it costs too much.
var errTooLarge = errors.New("too large")

// Input is what is rendered.
type Input struct {
	Template   string
	Data       map[string]string
	Delimiters [2]string // both empty for the usual ones
}

// Outcome is either an output, or the step that failed ("parse" or "execute") with Go's text.
type Outcome struct {
	Output []byte
	Failed string
	Text   string
	// TooLarge: no outcome at all.
	TooLarge bool
}

// limitedBuffer refuses to grow beyond maxOutput.
type limitedBuffer struct{ bytes []byte }

func (b *limitedBuffer) Write(more []byte) (int, error) {
	if len(b.bytes)+len(more) > maxOutput {
		return 0, errTooLarge
	}
	b.bytes = append(b.bytes, more...)
	return len(more), nil
}

var _ io.Writer = (*limitedBuffer)(nil)

func render(input Input, functions template.FuncMap) Outcome {
	parsed, err := parse(input, functions)
	if err != nil {
		return Outcome{Failed: "parse", Text: err.Error()}
	}
	var buffer limitedBuffer
	if err := execute(parsed, &buffer, input.Data); err != nil {
		return Outcome{Failed: "execute", Text: err.Error(), TooLarge: errors.Is(err, errTooLarge)}
	}
	return Outcome{Output: buffer.bytes}
}

func parse(input Input, functions template.FuncMap) (parsed *template.Template, err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("panic: %v", panicked)
		}
	}()
	return template.New("key").
		Option("missingkey=error").
		Funcs(functions).
		Delims(input.Delimiters[0], input.Delimiters[1]).
		Parse(input.Template)
}

func execute(parsed *template.Template, to io.Writer, data map[string]string) (err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("panic: %v", panicked)
		}
	}()
	return parsed.Execute(to, data)
}
