// Command oracle says what Go's own template engine, sprig and gjson make of templates and paths: the expectations
// that Strongroom's engine is tested against.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"time"
	_ "time/tzdata" // so that zones do not depend on the machine
)

const usage = `usage:
  oracle corpus [--check] [--cases DIR] [--out DIR]   writes the outcome of every case file, or compares
  oracle random --count N --seed S                    writes N random cases with their outcome to standard output
  oracle verify                                       verifies generated keys, archives and hashes from standard input
  oracle fixtures --out DIR                           makes new keys, certificates and archives for the case files`

func main() {
	// ESO's containers have no zone of their own.
	time.Local = time.UTC
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "oracle:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) == 0 {
		return fmt.Errorf("%s", usage)
	}
	flags := flag.NewFlagSet(arguments[0], flag.ContinueOnError)
	switch arguments[0] {
	case "corpus":
		isCheck := flags.Bool("check", false, "compare only")
		cases := flags.String("cases", "cases", "folder of the case files")
		out := flags.String("out", "../tests/oracle", "folder of the corpus")
		if err := flags.Parse(arguments[1:]); err != nil {
			return err
		}
		return runCorpus(*cases, *out, *isCheck)
	case "random":
		count := flags.Int("count", 1000, "number of cases")
		seed := flags.Int64("seed", 1, "seed of the generator")
		if err := flags.Parse(arguments[1:]); err != nil {
			return err
		}
		out := bufio.NewWriter(os.Stdout)
		if err := random(*count, *seed, out); err != nil {
			return err
		}
		return out.Flush()
	case "verify":
		return verify(os.Stdin, os.Stdout)
	case "fixtures":
		out := flags.String("out", "cases/fixtures", "folder")
		if err := flags.Parse(arguments[1:]); err != nil {
			return err
		}
		return fixtures(*out)
	}
	return fmt.Errorf("%s", usage)
}

func runCorpus(cases, out string, isCheck bool) error {
	families, err := corpus(cases)
	if err != nil {
		return err
	}
	templates, paths := 0, 0
	for _, family := range families {
		fmt.Fprintf(os.Stderr, "%-12s %5d\n", family.name, family.cases)
		if family.name == "gjson" {
			paths += family.cases
		} else {
			templates += family.cases
		}
	}
	fmt.Fprintf(os.Stderr, "%d templates, %d paths\n", templates, paths)
	if isCheck {
		return check(families, out)
	}
	return write(families, out)
}
