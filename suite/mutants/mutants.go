// Package mutants is the table of mutants: virtual machines, images and logs that
// are broken in one known way, or odd and good, or seen through a guest that lacks
// something; and what must be found on each.
//
// The table is data: files of table/, a row a mutant, live and captured alike. The
// file's name up to the first "_" is the kind of its rows, but where a row is a
// control or a blind guest and says so. table/README.md says what
// the lines of a row mean. This package reads rows and changes nothing: mutantstest
// breaks captured guests, and the tests of cmd/vmspec boot the live ones.
package mutants

import (
	"embed"
	"fmt"
	"path"
	"strconv"
	"strings"
	"sync"

	"vmspec/results/report"
)

//go:embed table/*.txt
var table embed.FS

// Kinds of rows. Controls must stay green, and blind guests must not blame the
// platform.
const (
	Description = "description"
	Firmware    = "firmware"
	Platform    = "platform"
	Image       = "image"
	GuestOS     = "guestos"
	Log         = "log"
	Merge       = "merge"
	Blind       = "blind"
	Control     = "control"
)

// Kinds lists the kinds of rows, as a matrix counts them.
func Kinds() []string {
	return []string{Description, Firmware, Platform, Image, GuestOS, Log, Merge, Blind, Control}
}

// A Row is one mutant.
type Row struct {
	Name    string
	Kind    string
	At      string // file and line
	Profile string // rfc-v2 without a line
	Guest   string // the captured guest that is changed
	Boot    string // how a live one is started
	Test    bool   // a live one that make test boots
	Dead    bool   // a live one that dies before it has a report
	Steps   []Step // how it is broken
	Finds   map[string]Expected
	With    map[string]Expected // follows from the broken fact, or rests on it
	Also    map[string]Expected // stays as it is on the unbroken machine
	May     map[string]Expected // follows with some kernels
	Proof   []Proof             // that the guest saw the change
}

// A Step is one line that says how to break it.
type Step struct {
	Word string
	Args []string
}

// Expected is a verdict, and a part of what the point says.
type Expected struct {
	Verdict report.Verdict
	Text    string
}

// Proof is a part of what a point says, or of what the host saw if ID is "host".
type Proof struct{ ID, Text string }

// Live tells whether a VM must be booted for it.
func (r *Row) Live() bool { return r.Boot != "" }

// Kills tells whether the row is one that a requirement must fail.
func (r *Row) Kills(id string) bool { return r.Finds[id].Verdict == report.Fail }

// Expected are the verdicts that must differ from the unbroken machine's.
func (r *Row) Expected() map[string]report.Verdict {
	out := map[string]report.Verdict{}
	for _, list := range []map[string]Expected{r.Finds, r.With} {
		for id, e := range list {
			out[id] = e.Verdict
		}
	}
	return out
}

// Rows returns the table.
var Rows = sync.OnceValues(read)

func read() (rows []*Row, err error) {
	files, err := table.ReadDir("table")
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		text, err := table.ReadFile(path.Join("table", f.Name()))
		if err != nil {
			return nil, err
		}
		of, err := Parse(f.Name(), string(text))
		if err != nil {
			return nil, err
		}
		rows = append(rows, of...)
	}
	return rows, nil
}

// CaughtBy lists the rows that a requirement must fail.
func CaughtBy(id string) (rows []*Row, err error) {
	all, err := Rows()
	for _, r := range all {
		if r.Kills(id) {
			rows = append(rows, r)
		}
	}
	return rows, err
}

// Parse reads the rows of a file.
func Parse(file, text string) (rows []*Row, err error) {
	kind, _, _ := strings.Cut(strings.TrimSuffix(file, path.Ext(file)), "_")
	for n, line := range strings.Split(text, "\n") {
		at := fmt.Sprintf("%s:%d", file, n+1)
		words, err := split(line)
		switch {
		case err != nil:
			return nil, fmt.Errorf("%s: %w", at, err)
		case len(words) == 0:
			continue
		case words[0] == "row":
			rows = append(rows, &Row{Name: strings.Join(words[1:], " "), Kind: kind, At: at, Profile: "rfc-v2",
				Finds: map[string]Expected{}, With: map[string]Expected{}, Also: map[string]Expected{}, May: map[string]Expected{}})
			continue
		case len(rows) == 0:
			return nil, fmt.Errorf("%s: %s stands before the first row", at, words[0])
		}
		if err := rows[len(rows)-1].take(words[0], words[1:]); err != nil {
			return nil, fmt.Errorf("%s: %w", at, err)
		}
	}
	return rows, nil
}

// arguments are how many words must follow. What is not listed is a step, whose
// words are its own.
var arguments = map[string]int{"kind": 1, "profile": 1, "guest": 1, "boot": 1, "test": 0, "dead": 0, "finds": 3, "with": 3, "also": 3, "may": 3, "proof": 2}

// take reads one line of a row.
func (r *Row) take(word string, args []string) error {
	want, listed := arguments[word]
	if listed && len(args) == want-1 && want == 3 {
		args = append(args, "")
	}
	if listed && len(args) != want {
		return fmt.Errorf("%s takes %d words and has %d", word, want, len(args))
	}
	switch word {
	case "kind":
		r.Kind = args[0]
	case "profile":
		r.Profile = args[0]
	case "guest":
		r.Guest = args[0]
	case "boot":
		r.Boot = args[0]
	case "test":
		r.Test = true
	case "dead":
		r.Dead = true
	case "finds":
		return expect(r.Finds, args)
	case "with":
		return expect(r.With, args)
	case "also":
		return expect(r.Also, args)
	case "may":
		return expect(r.May, args)
	case "proof":
		r.Proof = append(r.Proof, Proof{args[0], args[1]})
	default:
		r.Steps = append(r.Steps, Step{word, args})
	}
	return nil
}

func expect(into map[string]Expected, args []string) error {
	if _, twice := into[args[0]]; twice {
		return fmt.Errorf("%s stands twice in a row", args[0])
	}
	switch v := report.Verdict(args[1]); v {
	case report.Pass, report.Fail, report.Skip, report.Error:
		into[args[0]] = Expected{v, args[2]}
		return nil
	}
	return fmt.Errorf("%s is no verdict", args[1])
}

// split cuts a line into words: bare, in Go's quotes, or cells in angle
// brackets. A line that begins with # is a comment.
func split(line string) (words []string, err error) {
	for line = strings.TrimSpace(line); line != ""; line = strings.TrimSpace(line) {
		var word string
		switch {
		case line[0] == '#' && len(words) == 0:
			return nil, nil
		case line[0] == '"' || line[0] == '`':
			quoted, err := strconv.QuotedPrefix(line)
			if err != nil {
				return nil, fmt.Errorf("%q is no quoted word", line)
			}
			line = line[len(quoted):]
			word, _ = strconv.Unquote(quoted) // it was just found to be quoted
		case line[0] == '<':
			word, line, _ = strings.Cut(line, ">")
		default:
			word, line, _ = strings.Cut(line, " ")
		}
		words = append(words, word)
	}
	return words, nil
}
