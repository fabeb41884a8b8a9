// What random templates are made of: functions left out, purposes of parameters, literals and fields.

package main

import "sort"

// excluded functions depend on the clock, on randomness or on the order of maps, or are slow.
var excluded = set(
	"now", "ago", "uuidv4", "randAlpha", "randAlphaNum", "randAscii", "randNumeric", "randInt", "randBytes", "shuffle",
	"bcrypt", "htpasswd", "derivePassword", "encryptAES", "genPrivateKey", "buildCustomCert", "genCA", "genCAWithKey",
	"genSelfSignedCert", "genSelfSignedCertWithKey", "genSignedCert", "genSignedCertWithKey", "keys", "values",
	"pemToPkcs12", "pemToPkcs12Pass", "fullPemToPkcs12", "fullPemToPkcs12Pass", "pemTruststoreToPKCS12",
	"pemTruststoreToPKCS12Pass", "fail", "hello",
)

// rare functions mostly fail on random texts.
var rare = set(
	"certSANs", "filterPEM", "filterCertChain", "jwkPublicKeyPem", "jwkPrivateKeyPem", "pkcs12key", "pkcs12cert",
	"pkcs12keyPass", "pkcs12certPass", "rsaDecrypt", "decryptAES", "semver", "mustToDate", "mustDateModify",
	"must_date_modify", "urlParse", "urlJoin", "slice", "mustSlice", "dig", "mustFromJson", "substr", "unset", "set",
)

// strict functions fall back to the clock when they are given something else than they take.
var strict = set("date", "dateInZone", "date_in_zone", "htmlDate", "htmlDateInZone", "durationRound")

func set(names ...string) map[string]bool {
	all := map[string]bool{}
	for _, name := range names {
		all[name] = true
	}
	return all
}

// purposes are the flavors of parameters that take more than their type says.
var purposes = map[string]string{
	"regexMatch": "regex str", "mustRegexMatch": "regex str", "regexFind": "regex str", "mustRegexFind": "regex str",
	"regexFindAll": "regex str smallint", "mustRegexFindAll": "regex str smallint", "regexSplit": "regex str smallint",
	"mustRegexSplit": "regex str smallint", "regexReplaceAll": "regex str repl", "mustRegexReplaceAll": "regex str repl",
	"regexReplaceAllLiteral": "regex str repl", "mustRegexReplaceAllLiteral": "regex str repl",
	"fromJson": "json", "mustFromJson": "json", "fromYaml": "yaml",
	"toDate": "layout datetext", "mustToDate": "layout datetext", "date": "layout moment",
	"dateInZone": "layout moment zone", "date_in_zone": "layout moment zone", "htmlDate": "moment",
	"htmlDateInZone": "moment zone", "dateModify": "span time", "date_modify": "span time", "mustDateModify": "span time",
	"must_date_modify": "span time", "unixEpoch": "time", "durationRound": "spanlike", "duration": "number",
	"semver": "semver", "semverCompare": "constraint semver", "urlParse": "url", "urlJoin": "dict",
	"b64dec": "b64", "b32dec": "b32", "hexdec": "hex", "atoi": "numtext", "toDecimal": "numtext",
	"repeat": "smallint str", "until": "smallint", "untilStep": "smallint smallint smallint", "seq": "smallint",
	"indent": "smallint str", "nindent": "smallint str", "trunc": "smallint str", "abbrev": "smallint str",
	"abbrevboth": "smallint smallint str", "substr": "smallint smallint str", "wrap": "smallint str",
	"wrapWith": "smallint sep str", "split": "sep str", "splitList": "sep str", "splitn": "sep smallint str",
	"join": "sep seqlike", "sortAlpha": "seqlike", "replace": "sep sep str", "trimAll": "sep str", "trimall": "sep str",
	"contains": "sep str", "hasPrefix": "sep str", "hasSuffix": "sep str", "trimPrefix": "sep str", "trimSuffix": "sep str",
	"typeIs": "typename any", "typeIsLike": "typename any", "kindIs": "kindname any",
	"get": "dict key", "set": "dict key any", "unset": "dict key", "hasKey": "dict key", "pluck": "key dict dict",
	"pick": "dict key", "omit": "dict key", "dig": "key any dict", "dict": "key any",
	"has": "any seqlike", "mustHas": "any seqlike", "chunk": "posint seqlike", "mustChunk": "posint seqlike",
	"slice": "seqlike smallint", "mustSlice": "seqlike smallint", "concat": "seqlike seqlike",
	"first": "seqlike", "mustFirst": "seqlike", "rest": "seqlike", "mustRest": "seqlike", "last": "seqlike",
	"mustLast": "seqlike", "initial": "seqlike", "mustInitial": "seqlike", "reverse": "seqlike", "mustReverse": "seqlike",
	"uniq": "seqlike", "mustUniq": "seqlike", "compact": "seqlike", "mustCompact": "seqlike", "without": "seqlike",
	"mustWithout": "seqlike", "append": "seqlike any", "push": "seqlike any", "mustAppend": "seqlike any",
	"mustPush": "seqlike any", "prepend": "seqlike any", "mustPrepend": "seqlike any", "toStrings": "seqlike",
	"round": "number smallint", "add": "number number", "sub": "number number", "mul": "number number",
	"div": "number number", "mod": "number number", "addf": "number number", "subf": "number number",
	"mulf": "number number", "divf": "number number", "max": "number number", "min": "number number",
	"maxf": "number number", "minf": "number number", "biggest": "number number", "add1": "number", "add1f": "number",
	"int": "number", "int64": "number", "float64": "number", "ceil": "number", "floor": "number",
	"base": "path", "dir": "path", "clean": "path", "ext": "path", "isAbs": "path", "osBase": "path", "osDir": "path",
	"osClean": "path", "osExt": "path", "osIsAbs": "path", "filterPEM": "pemkind pem", "certSANs": "pem",
	"filterCertChain": "chainkind pem", "jwkPublicKeyPem": "json", "jwkPrivateKeyPem": "json", "decryptAES": "str b64",
	"rsaDecrypt": "word word str pem", "pkcs12key": "str", "pkcs12cert": "str", "ternary": "any any bool",
	"plural": "str str int",
}

// builtins are the language's own functions.
var builtins = []signature{
	{"and", []flavor{anything, anything}, anything, anything}, {"or", []flavor{anything, anything}, anything, anything},
	{"and", []flavor{boolean, boolean}, boolean, boolean}, {"or", []flavor{boolean, boolean}, boolean, boolean},
	{"not", []flavor{anything}, "", boolean}, {"not", []flavor{boolean}, "", boolean},
	{"eq", []flavor{text, text}, text, boolean}, {"eq", []flavor{integer, integer}, "", boolean},
	{"eq", []flavor{float, float}, "", boolean}, {"eq", []flavor{anything, anything}, "", boolean},
	{"ne", []flavor{text, text}, "", boolean}, {"ne", []flavor{integer6, integer}, "", boolean},
	{"lt", []flavor{integer, integer6}, "", boolean}, {"lt", []flavor{text, text}, "", boolean},
	{"le", []flavor{float, float}, "", boolean}, {"gt", []flavor{integer, integer}, "", boolean},
	{"ge", []flavor{text, text}, "", boolean}, {"ge", []flavor{anything, anything}, "", boolean},
	{"len", []flavor{text}, "", integer}, {"len", []flavor{list}, "", integer}, {"len", []flavor{anything}, "", integer},
	{"index", []flavor{list, "smallint"}, "", anything}, {"index", []flavor{dict, "key"}, "", anything},
	{"index", []flavor{texts, "smallint"}, "", text}, {"index", []flavor{anything, anything}, "", anything},
	{"print", nil, anything, text}, {"print", []flavor{anything}, anything, text}, {"println", nil, anything, text},
	{"printf", []flavor{"format"}, anything, text}, {"printf", []flavor{"format", anything}, "", text},
	{"printf", []flavor{"format", anything, text}, "", text}, {"printf", []flavor{"format", float}, "", text},
	{"html", []flavor{anything}, "", text}, {"js", []flavor{text}, "", text}, {"urlquery", []flavor{anything}, "", text},
	{"js", []flavor{anything}, "", text}, {"html", []flavor{text}, "", text}, {"urlquery", []flavor{text}, "", text},
}

// fieldFor names the field that fits a purpose.
var fieldFor = map[flavor]string{
	"json": "json", "yaml": "yaml", "b64": "b64", "datetext": "date", "semver": "version", "url": "url", "numtext": "num",
	"number": "num", "pem": "pem", "path": "path",
}

// words are texts of no purpose.
var words = []string{
	"", "a", "hello", "Hello World", "héé→世界", "one two  three", "x\ny\nz", "  padded\t", "camelCaseWord", "snake_case_word",
	"kebab-case", "HTTPServer2Go", "42", "-7", "3.14", "true", "<a href=\"x\">&'</a>", "q\"uo\\te", "\x00\x01", "\u2028é\u00ad",
	"😀", "a,b,,c", "ǅ ß İ", "%d %s", "$1", "\xff\xfe", "a=1&b=2", "null", "0x1F", "1e3", "tab\tx", "The Quick brown fox",
}

// fields are the fields of every case, with the values that they may have.
var fields = map[string][]string{
	"a":    {"alpha", "", "héllo", "Alpha Beta", "42", "x"},
	"b":    {"beta", "b\nc", "B", "-1", " "},
	"bin":  {"\x00\xff\xfe\x80", "ab\xffcd", "\xc3\x28", "\xf0\x9f\x98"},
	"uni":  {"héé→世界", "ÀÉÎ õü", "😀 smile", "ΑΣΣ ς", "e\u0301"},
	"num":  {"42", "0", "-17", "3.7", "1e3", "007", "abc", "", "9223372036854775808"},
	"json": jsonTexts, "yaml": yamlTexts,
	"b64":     {"aGVsbG8=", "AP/+gA==", "!!", "", "eyJhIjoxfQ=="},
	"csv":     {"a,b,c", "", "x", ",,", "one, two ,three"},
	"date":    {"2024-02-29", "2023-11-14T22:13:20Z", "junk", "", "1999-12-31"},
	"version": {"1.2.3", "v2.0.0-rc.1+b5", "1.2", "0.0.1"},
	"url":     {"https://u:p@h.example:8443/p/a?q=1&r=é#f", "/only/path?x", "mailto:a@b.c", "http://[::1]/", "::bad"},
	"lines":   {"one\ntwo\n\nthree\n", "x", "a\r\nb"},
	"path":    {"/a/b/c.tar.gz", "../x/./y", "", "a//b/"},
	"pem":     {"-----BEGIN X-----\naGVsbG8=\n-----END X-----\n", "junk", "", "text\n-----BEGIN A B-----\nK: v\n\nAAEC\n-----END A B-----\ntail"},
	"html":    {"<b>&\"'", "a<b", "</script>"},
}

var jsonTexts = []string{
	`{"a":1,"b":"x","list":[1,2,3],"nested":{"x":"deep","y":null},"name":"n"}`, `[1,"two",3.5,null,true]`, `{}`, `[]`, `"s"`, `5`,
	`null`, `{"a":{"b":[{"c":1e21}]},"name":"é\u4e16","list":["x","y"],"big":12345678901234567890}`, `{"a":`, `true`, ``,
	`{"name":"<&>","a":1000000,"nested":{"x":0.1},"list":[]}`, `[[1,2],[3]]`, `{"b":false,"a":-0.5,"z":[{"k":"v"}]}`, `1e400`,
}

// jsonObjects are the documents that a map comes from.
var jsonObjects = []string{jsonTexts[0], jsonTexts[0], jsonTexts[2], jsonTexts[7], jsonTexts[11], jsonTexts[13]}

var yamlTexts = []string{
	"a: 1\nb:\n- x\n- y: z\n", "name: yes\nnested:\n  x: 010\n  y: ~\n", "list: [1, 2.5, true, 'q']\n", "- 1\n- 2\n", "just text",
	"a: |\n  l1\n  l2\nb: >-\n  f1\n  f2\n", "", "a: b: c", "x: &n {k: 1}\ny: *n\n", "a: 2020-01-01\nb: 0x1F\nc: 1_000\n", "{a: 1, b: [x]}",
	"1: one\ntrue: t\n1.5: f\n", "a: 'it''s'\nb: \"\\u00e9\\n\"\n", "a: !!str 5\nb: .inf\n", "# only\n", "a: 1e3\nb: 1.0\nc: 12345678901234567890\n",
}

// textPools are texts by purpose.
var textPools = map[flavor][]string{
	"regex": {
		"[a-z]+", "\\d+", "^.", "(a)(.)?", "x*", "", "(?i)HELLO", "\\s+", "[", "(?P<n>\\w+)", "a|b", ".", "\\bo", "é", "[^a-z]", "o{2}", "$",
	},
	"repl":     {"-", "$1", "${1}x", "$0", "", "$$", "[$n]", "é"},
	"json":     jsonTexts,
	"yaml":     yamlTexts,
	"layout":   {"2006-01-02", "2006-01-02T15:04:05Z07:00", "Jan 2, 2006 at 3:04pm (MST)", "15:04:05.000", "Monday 02", "06-002", "", "2006"},
	"datetext": {"2024-02-29", "2023-11-14T22:13:20Z", "2024-13-01", "Jan 5, 2020 at 3:04am (UTC)", "", "2020", "junk", "12:13:14.5"},
	"zone":     {"UTC", "America/New_York", "Asia/Kolkata", "Nope", "Local", ""},
	"span":     {"1h", "-90m", "1.5h", "24h", "junk", "1h30m10s5ms", ""},
	"semver":   {"1.2.3", "v1.0.0", "2.0.0-rc.1", "1.2", "1.2.3-a.1", "abc", "1.2.3+b", "0.1.0", "10.0.0", "3"},
	"constraint": {
		"^1.2", "~1.2.0", ">=1.0, <2.0", "*", "1.x", "!=1.2.3", "junk", "1.0 - 2.0", "<1 || >2", ">=1.0.0-0", "=1.2.3",
	},
	"url":       {"http://a.b/c?d=e#f", "https://u:p@h:1/x%20y", "/p", "", "http://h/é", "http://[::1", "x:y", "//h/p"},
	"b64":       {"aGk=", "aGk", "/+8=", "", "!", "aGk=\n"},
	"b32":       {"NBUQ====", "nbuq", "", "NBUQ", "1"},
	"hex":       {"00ff", "6869", "0", "zz", "", "FF"},
	"numtext":   {"12", "-5", "012", "1.5", "x", "", "0x1F", "99999999999999999999", "1e3", "+3"},
	"sep":       {",", "", " ", "a", "\n", "é", "--", "l"},
	"typename":  {"string", "int", "float64", "bool", "[]interface {}", "map[string]interface {}", "*semver.Version", "semver.Version", "x"},
	"kindname":  {"string", "int", "slice", "map", "ptr", "struct", "invalid", "bool", "float64"},
	"key":       {"a", "b", "name", "list", "nested", "x", "", "zz", "host", "path", "scheme"},
	"word":      {"None", "RSA-OAEP", "SHA256", "x"},
	"pemkind":   {"X", "a b", "CERTIFICATE", ""},
	"chainkind": {"leaf", "root", "intermediate", "x"},
	"pem":       {"-----BEGIN X-----\naGVsbG8=\n-----END X-----\n", "junk", ""},
	"path":      {"/a/b.c", "a/../b", ".", "..", "/", "x.tar.gz", "", "/é/ü.txt", "a//b"},
	"format": {
		"%s", "%v", "%d", "%q", "%5d|", "%-8s|", "%x", "%t", "%.2f", "%T", "%v-%v", "%s %s", "%#v", "%08.3f", "%+d", "%c", "%U", "%e", "%g",
		"%%", "%!", "%[2]v %[1]v", "%*d", "plain", "%6.2v|", "%X", "%o", "%b", "%+v", "%#x", "% x", "%+q",
	},
}

// literalPools are values by purpose, as they stand in a template.
var literalPools = map[flavor][]string{
	integer:    {"0", "1", "-1", "2", "7", "42", "100", "0x10", "'a'", "-13", "1e2"},
	integer6:   {"(int64 5)", "(int64 0)", "(add 1 2)", "(sub 1 9)", "(len $ | int64)"},
	float:      {"1.5", "0.0", "-2.25", "3.14159", "1e21", "0.1", "1e-7", "100.0", "2.5"},
	boolean:    {"true", "false"},
	"smallint": {"0", "1", "2", "3", "5", "-1", "10", "-2"},
	"posint":   {"1", "2", "3"},
	"number":   {"0", "1", "2", "-7", "3.7", "\"12\"", "\"x\"", "nil", "1e19", "0.1", "true", "9223372036854775807", "100"},
	"moment":   {"1700000000", "0", "-1", "(int64 1700000000)", `(toDate "2006-01-02" "2024-02-29")`, "(int64 951782400)"},
	"spanlike": {`"2h10m"`, `"1000h"`, `"59s"`, `"x"`, "(int64 3700000000000)", `"-3h"`, "5"},
	"seqlike": {
		"(list)", "(list 1 2 3)", `(list "b" "a" "b")`, "(until 4)", `(splitList "," $.csv)`, `(list 1 "a" nil 2.5)`, "(list nil)",
		"(list (list 1) (dict))", `(fromJson "[1,2,null]")`, "nil", `"abc"`, `(regexFindAll "[a-z]" $.a -1)`,
	},
	other: {"1", `"x"`, "nil", `(split "," $.csv)`, `(chunk 2 (list 1 2 3))`, `(toDate "2006" "2020").Month`, `(semver "1.2.3").Major`},
}

var sortedFields = func() []string {
	var names []string
	for name := range fields {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}()
