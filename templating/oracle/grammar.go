// The grammar of random templates: the language's constructs, and calls whose arguments mostly fit.

package main

import (
	"fmt"
	"math/rand"
	"reflect"
	"sort"
	"strconv"
	"strings"
	"text/template"
	"time"

	"github.com/Masterminds/semver/v3"
)

// flavor says what a value is for. The first ones are Go's types as templates see them; the others are texts and
// numbers of some purpose, listed in pools.go.
type flavor string

const (
	anything flavor = "any"
	text     flavor = "str"
	integer  flavor = "int"
	integer6 flavor = "int64"
	float    flavor = "float"
	boolean  flavor = "bool"
	list     flavor = "list"
	texts    flavor = "strs"
	dict     flavor = "dict"
	date     flavor = "time"
	version  flavor = "version"
	other    flavor = "other"
)

// signature is a function with the flavors that it takes and gives.
type signature struct {
	name   string
	params []flavor
	rest   flavor // empty if the function is not variadic
	result flavor
}

type generator struct {
	*rand.Rand
	byResult  map[flavor][]signature
	variables []variableInScope
	dot       flavor // what the dot is; "root" for the fields
	isInLoop  bool
	defined   int
}

type variableInScope struct {
	name   string
	flavor flavor
}

const root flavor = "root"

func newGenerator(random *rand.Rand, functions template.FuncMap) *generator {
	g := &generator{Rand: random, byResult: map[flavor][]signature{}}
	for _, signature := range append(signatures(functions), builtins...) {
		g.byResult[signature.result] = append(g.byResult[signature.result], signature)
	}
	return g
}

// signatures reads the functions' types; params that take something special are in purposes.
func signatures(functions template.FuncMap) []signature {
	var found []signature
	for name, function := range functions {
		if excluded[name] {
			continue
		}
		kind := reflect.TypeOf(function)
		signature := signature{name: name, result: flavorOf(kind.Out(0))}
		for i := 0; i < kind.NumIn(); i++ {
			if kind.IsVariadic() && i == kind.NumIn()-1 {
				signature.rest = flavorOf(kind.In(i).Elem())
			} else {
				signature.params = append(signature.params, flavorOf(kind.In(i)))
			}
		}
		if purpose, isSpecial := purposes[name]; isSpecial {
			signature.params = nil
			for _, flavor_ := range strings.Fields(purpose) {
				signature.params = append(signature.params, flavor(flavor_))
			}
		}
		found = append(found, signature)
	}
	sort.Slice(found, func(i, j int) bool { return found[i].name < found[j].name })
	return found
}

func flavorOf(kind reflect.Type) flavor {
	switch kind {
	case reflect.TypeOf(time.Time{}):
		return date
	case reflect.TypeOf(&semver.Version{}):
		return version
	}
	switch kind.Kind() {
	case reflect.String:
		return text
	case reflect.Int:
		return integer
	case reflect.Int64:
		return integer6
	case reflect.Float64:
		return float
	case reflect.Bool:
		return boolean
	case reflect.Interface:
		return anything
	case reflect.Map:
		if kind.Elem().Kind() == reflect.Interface {
			return dict
		}
		return anything
	case reflect.Slice:
		switch kind.Elem().Kind() {
		case reflect.Interface, reflect.Int, reflect.Slice:
			return list
		case reflect.String:
			return texts
		}
	}
	return other
}

// input is a whole random case.
func (g *generator) input() Input {
	g.variables, g.dot, g.isInLoop, g.defined = nil, root, false, 0
	data := map[string]string{}
	for name, pool := range fields {
		_ = pool
		data[name] = ""
	}
	names := sortedNames(data)
	for _, name := range names {
		data[name] = g.pick(fields[name])
	}
	source := g.block(3)
	for i := 0; i < g.defined; i++ {
		g.variables, g.dot, g.isInLoop = nil, root, false
		source += fmt.Sprintf(`{{define "t%d"}}%s{{end}}`, i, g.block(1))
	}
	if g.chance(25) {
		source = g.mutated(source)
	}
	return Input{Template: source, Data: data}
}

func sortedNames(data map[string]string) []string {
	var names []string
	for name := range data {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// chance is true once in n times.
func (g *generator) chance(n int) bool { return g.Intn(n) == 0 }

func (g *generator) pick(pool []string) string { return pool[g.Intn(len(pool))] }

// block is some text and constructs.
func (g *generator) block(depth int) string {
	outer := len(g.variables)
	var source strings.Builder
	for range 1 + g.Intn(2) {
		if g.chance(3) {
			source.WriteString(g.pick([]string{"text", " ", "\n", "a b\n", "é→", "\t x", "{ ", "}", "'", ""}))
		}
		source.WriteString(g.construct(depth))
	}
	g.variables = g.variables[:outer]
	return source.String()
}

func (g *generator) construct(depth int) string {
	choice := g.Intn(20)
	if depth == 0 && choice >= 12 {
		choice = g.Intn(12)
	}
	switch choice {
	case 10:
		return g.declaration(depth)
	case 11:
		return g.small()
	case 12, 13:
		return g.conditional(depth)
	case 14:
		return g.with(depth)
	case 15, 16, 17:
		return g.loop(depth)
	case 18:
		g.defined++
		return g.open() + fmt.Sprintf(`template "t%d" %s`, g.defined-1, g.pick([]string{"$", "$", "."})) + g.close()
	default:
		return g.open() + g.pipeline(g.anyFlavor(), 1+g.Intn(3)) + g.close()
	}
}

func (g *generator) open() string  { return g.pick([]string{"{{", "{{ ", "{{- ", "{{ "}) }
func (g *generator) close() string { return g.pick([]string{"}}", " }}", " -}}", " }}"}) }

func (g *generator) tag(body string) string { return g.open() + body + g.close() }

// small is a construct without a value.
func (g *generator) small() string {
	if g.isInLoop && g.chance(2) {
		return g.tag("if "+g.operand(boolean, 1)) + g.tag(g.pick([]string{"break", "continue"})) + g.tag("end")
	}
	return g.pick([]string{"{{/* c */}}", "{{- /* c */ -}}", "{{ \"\" }}", "{{ nil | print }}", "{{ print }}"})
}

func (g *generator) declaration(depth int) string {
	flavor := g.anyFlavor()
	if len(g.variables) > 0 && g.chance(3) {
		variable := g.variables[g.Intn(len(g.variables))]
		return g.tag(variable.name + " = " + g.pipeline(variable.flavor, 2))
	}
	name := "$v" + strconv.Itoa(g.Intn(4))
	source := g.tag(name + " := " + g.pipeline(flavor, 2))
	g.variables = append(g.variables, variableInScope{name, flavor})
	return source
}

func (g *generator) conditional(depth int) string {
	source := g.tag("if "+g.pipeline(g.conditionFlavor(), 2)) + g.block(depth-1)
	if g.chance(4) {
		source += g.tag("else if "+g.pipeline(g.conditionFlavor(), 1)) + g.block(depth-1)
	}
	if g.chance(2) {
		source += g.tag("else") + g.block(depth-1)
	}
	return source + g.tag("end")
}

func (g *generator) conditionFlavor() flavor {
	if g.chance(3) {
		return g.anyFlavor()
	}
	return boolean
}

func (g *generator) with(depth int) string {
	flavor, outer, dot := g.anyFlavor(), len(g.variables), g.dot
	source := "with "
	if g.chance(4) {
		source += "$w := "
	}
	value := g.pipeline(flavor, 2)
	if strings.HasSuffix(source, ":= ") {
		g.variables = append(g.variables, variableInScope{"$w", flavor})
	}
	source = g.tag(source + value)
	g.dot = flavor
	source += g.block(depth - 1)
	g.dot = dot
	if g.chance(3) {
		source += g.tag("else") + g.block(depth-1)
	}
	g.variables = g.variables[:outer]
	return source + g.tag("end")
}

func (g *generator) loop(depth int) string {
	over, element := list, anything
	switch g.Intn(6) {
	case 0:
		over, element = texts, text
	case 1:
		over = dict
	case 2:
		over, element = "smallint", integer
	case 3:
		over, element = anything, anything
	}
	outer, dot, isInLoop := len(g.variables), g.dot, g.isInLoop
	value, head := g.pipeline(over, 2), "range "
	choice := g.Intn(3)
	if choice == 0 && over == "smallint" {
		choice = 1
	}
	switch choice {
	case 0:
		head += "$k, $e := "
		key := integer
		if over == dict {
			key = text
		}
		g.variables = append(g.variables, variableInScope{"$k", key}, variableInScope{"$e", element})
	case 1:
		head += "$e := "
		g.variables = append(g.variables, variableInScope{"$e", element})
	}
	g.dot, g.isInLoop = element, true
	source := g.tag(head+value) + g.block(depth-1)
	g.dot, g.isInLoop = dot, isInLoop
	g.variables = g.variables[:outer]
	if g.chance(4) {
		source += g.tag("else") + g.block(depth-1)
	}
	return source + g.tag("end")
}

func (g *generator) anyFlavor() flavor {
	return []flavor{
		text, text, text, text, text, integer, integer6, float, boolean, list, texts, dict, anything, anything, date, version,
	}[g.Intn(16)]
}

// pipeline is a value, perhaps piped through functions.
func (g *generator) pipeline(wanted flavor, depth int) string {
	call, isCall := g.call(wanted, depth)
	if !isCall || g.chance(6) {
		if call = g.operand(wanted, depth); call == "nil" {
			return "print nil"
		}
	}
	return call
}

// call is a function's call without brackets; its last argument may come through a pipe.
func (g *generator) call(wanted flavor, depth int) (string, bool) {
	signatures := g.byResult[wanted]
	if len(signatures) == 0 || depth <= 0 {
		return "", false
	}
	signature := signatures[g.Intn(len(signatures))]
	if rare[signature.name] && !g.chance(6) {
		signature = signatures[g.Intn(len(signatures))]
	}
	params := append([]flavor{}, signature.params...)
	if signature.rest != "" {
		for range g.Intn(3) {
			params = append(params, signature.rest)
		}
	}
	if g.chance(150) && !strict[signature.name] && len(params) > 0 {
		params = params[1:]
	}
	var arguments []string
	for _, param := range params {
		if g.chance(60) && !strict[signature.name] {
			param = g.anyFlavor()
		}
		arguments = append(arguments, g.operand(param, depth-1))
	}
	if len(arguments) > 0 && g.chance(2) && (arguments[len(arguments)-1] != "nil" || g.chance(20)) {
		last := len(arguments) - 1
		return arguments[last] + " | " + strings.Join(append([]string{signature.name}, arguments[:last]...), " "), true
	}
	return strings.Join(append([]string{signature.name}, arguments...), " "), true
}

// operand is something that can be an argument.
func (g *generator) operand(wanted flavor, depth int) string {
	switch {
	case wanted == "moment" || wanted == "spanlike":
		// Anything else would stand for now.
		return g.leaf(wanted, depth)
	case wanted == "sortedkeys":
		return "(" + g.pick([]string{"keys", "values"}) + " " + g.operand(dict, depth-1) + " | sortAlpha)"
	case depth > 0 && len(methods[wanted]) > 0 && g.chance(25):
		return g.method(wanted, depth)
	case depth > 0 && g.chance(2):
		if call, isCall := g.call(wanted, depth); isCall {
			return "(" + call + ")"
		}
	case g.chance(4):
		for _, variable := range g.variables {
			if variable.flavor == wanted || g.chance(20) {
				return variable.name
			}
		}
		if g.dot == wanted {
			return "."
		}
	}
	return g.leaf(wanted, depth)
}

// methods are what can be asked of times and versions, by what they give.
var methods = map[flavor][]string{
	integer:  {"time.Year", "time.Day", "time.YearDay", "time.Hour", "time.Minute", "time.Nanosecond"},
	integer6: {"time.Unix", "time.UnixMilli", "time.UnixNano"},
	boolean:  {"time.IsZero"},
	text:     {"time.String", "version.String", "version.Prerelease", "version.Metadata", "version.Original", `time.Format "Jan 2 15:04"`},
	anything: {"time.Month", "time.Weekday", "version.Major", "version.Minor", "version.Patch", "time.UTC", "version.IncMinor"},
}

// method is a method's call on a time or version.
func (g *generator) method(wanted flavor, depth int) string {
	of, name, _ := strings.Cut(g.pick(methods[wanted]), ".")
	return "(" + g.operand(flavor(of), depth-1) + "." + name + ")"
}

// leaf is a literal, a field, or a value made on the spot.
func (g *generator) leaf(wanted flavor, depth int) string {
	if field, hasField := fieldFor[wanted]; hasField && g.chance(3) {
		return g.field(field)
	}
	if pool, isText := textPools[wanted]; isText {
		return g.quoted(g.pick(pool))
	}
	if pool, isLiteral := literalPools[wanted]; isLiteral {
		return g.pick(pool)
	}
	switch wanted {
	case text:
		if g.chance(2) {
			return g.field(g.pick(sortedFields))
		}
		return g.quoted(g.pick(words))
	case list:
		return g.collected("list", depth, func() string { return g.operand(g.anyFlavor(), depth-1) })
	case dict:
		if g.chance(3) {
			return "(fromJson " + g.quoted(g.pick(jsonObjects)) + ")"
		}
		return g.collected("dict", depth, func() string { return g.operand("key", 0) + " " + g.operand(g.anyFlavor(), depth-1) })
	case texts:
		if g.chance(4) {
			return g.operand("sortedkeys", depth)
		}
		return "(splitList " + g.operand("sep", 0) + " " + g.operand(text, 0) + ")"
	case date:
		return g.pick([]string{
			`(toDate "2006-01-02" "2024-02-29")`, `(toDate "2006-01-02T15:04:05Z07:00" "2023-11-14T22:13:20+05:30")`,
			`(toDate "2006-01-02" "")`, `(toDate "2006-01-02 15:04:05.000" "1999-12-31 23:59:59.999")`,
		})
	case version:
		return "(semver " + g.operand("semver", 0) + ")"
	case anything:
		switch g.Intn(6) {
		case 0:
			return "(fromJson " + g.operand("json", 0) + ")"
		case 1:
			return "(fromJson " + g.quoted(jsonTexts[0]) + ")" + g.pick([]string{".a", ".name", ".nested.x", ".list", ".nested.y", ".nested"})
		case 2:
			return g.pick([]string{"$", ".", "(index $ \"zz\")"})
		}
		return g.operand(g.anyFlavor(), depth-1)
	}
	return g.quoted(g.pick(words))
}

func (g *generator) collected(function string, depth int, element func() string) string {
	parts := []string{function}
	for range g.Intn(4) {
		if depth <= 0 {
			parts = append(parts, element())
			break
		}
		parts = append(parts, element())
	}
	return "(" + strings.Join(parts, " ") + ")"
}

func (g *generator) field(name string) string {
	if g.chance(60) {
		name += "x"
	}
	if g.dot == root && !g.chance(8) {
		return "." + name
	}
	return "$." + name
}

// quoted is a string constant, in quotes or raw.
func (g *generator) quoted(value string) string {
	if g.chance(3) && !strings.ContainsAny(value, "`\r") && !strings.Contains(value, "}}") {
		return "`" + value + "`"
	}
	return strconv.Quote(value)
}
