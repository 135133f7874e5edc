package results

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	_ "embed"

	"go.yaml.in/yaml/v3"
)

// WaiversSchema is the JSON Schema (2020-12) of a file of waivers.
//
//go:embed waivers.schema.json
var WaiversSchema []byte

// maxWaivers bounds a file of waivers, in bytes, and maxWaiverText one of its texts.
const (
	maxWaivers    = 1 << 20
	maxWaiverText = 1000
)

// ReadWaivers reads a file of waivers, and says all that is wrong with it. known tells
// whether a requirement exists; now is the day after whose end a waiver is expired.
//
//	waivers:
//	  - requirement: FW-RTC
//	    platform: my-cloud       # label of merge, matrix; all of these three may be left out
//	    target: qemu-uboot       # of run, or the name of the log
//	    versions: ">=7.2 <8"     # of the hypervisor
//	    reason: U-Boot has no clock on this board
//	    owner: firmware@example.org
//	    ticket: FW-1234
//	    expires: 2027-06-30      # the last day, in UTC
func ReadWaivers(r io.Reader, file string, known func(id string) bool, now time.Time) (*Waivers, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxWaivers+1))
	switch {
	case err != nil:
		return nil, err
	case len(text) > maxWaivers:
		return nil, fmt.Errorf("%s: more than %d KiB: these are no waivers", file, maxWaivers>>10)
	}
	items, err := waiverNodes(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %s", file, OneLine(err.Error()))
	}
	out := &Waivers{File: file}
	var wrong []error
	for _, n := range items {
		w, problems := waiverOf(n)
		if w.Requirement != "" && !known(w.Requirement) {
			problems = append(problems, fmt.Sprintf("no requirement is called %q", w.Requirement))
		}
		if problems == nil && w.expired(now) {
			problems = append(problems, "it expired on "+w.Expires+"; ask "+w.Owner+", "+w.Ticket)
		}
		if at := slices.IndexFunc(out.List, w.contradicts); at >= 0 {
			problems = append(problems, fmt.Sprintf("the waiver of line %d is for the same", out.List[at].line))
		}
		out.List = append(out.List, w)
		for _, p := range problems {
			wrong = append(wrong, errors.New(OneLine(fmt.Sprintf("%s: %s", out.name(len(out.List)-1), p))))
		}
	}
	return out, errors.Join(wrong...)
}

// contradicts tells whether two waivers are for the same requirement and may be for
// the same VM, so that it is open which one holds.
func (w *Waiver) contradicts(o *Waiver) bool {
	apart := func(a, b string) bool { return a != "" && b != "" && a != b }
	return w.Requirement != "" && w.Requirement == o.Requirement &&
		!apart(w.Selector.Platform, o.Selector.Platform) && !apart(w.Selector.Target, o.Selector.Target) &&
		overlap(w.Selector.Versions, o.Selector.Versions)
}

// waiverNodes are the waivers of a document, each a mapping.
func waiverNodes(text []byte) ([]*yaml.Node, error) {
	in := yaml.NewDecoder(bytes.NewReader(text))
	var doc yaml.Node
	err := in.Decode(&doc)
	switch {
	case errors.Is(err, io.EOF):
		return nil, errors.New("it is empty")
	case err != nil:
		return nil, yamlError(err)
	case in.Decode(&yaml.Node{}) == nil:
		return nil, errors.New("it holds more than one document")
	}
	top := doc.Content[0]
	if top.Kind != yaml.MappingNode || len(top.Content) != 2 || top.Content[0].Value != "waivers" || top.Content[1].Kind != yaml.SequenceNode {
		return nil, fmt.Errorf("line %d: one key is needed, waivers, and under it a list", top.Line)
	}
	if len(top.Content[1].Content) == 0 {
		return nil, errors.New("it holds no waiver")
	}
	return top.Content[1].Content, nil
}

// waiverOf reads one waiver, and says all that is wrong with it.
func waiverOf(n *yaml.Node) (w *Waiver, wrong []string) {
	w = &Waiver{line: n.Line}
	if n.Kind != yaml.MappingNode {
		return w, []string{"keys and values are needed, such as requirement: FW-RTC"}
	}
	fields := w.fields()
	seen := map[string]bool{}
	for pair := range slices.Chunk(n.Content, 2) {
		key, value := pair[0].Value, pair[1]
		at := slices.IndexFunc(fields, func(f waiverField) bool { return f.key == key })
		switch {
		case at < 0:
			wrong = append(wrong, fmt.Sprintf("line %d: no key is called %q", pair[0].Line, clip(key)))
		case seen[key]:
			wrong = append(wrong, fmt.Sprintf("line %d: %s is there twice", pair[0].Line, key))
		case value.Kind != yaml.ScalarNode || value.Tag == "!!null" || strings.TrimSpace(value.Value) == "":
			wrong = append(wrong, fmt.Sprintf("line %d: %s needs a text", pair[0].Line, key))
		case len(value.Value) > maxWaiverText:
			wrong = append(wrong, fmt.Sprintf("line %d: %s has more than %d bytes", pair[0].Line, key, maxWaiverText))
		default:
			*fields[at].into = strings.TrimSpace(value.Value)
		}
		seen[key] = true
	}
	for _, f := range fields {
		if f.needed && !seen[f.key] {
			wrong = append(wrong, "it has no "+f.key)
		}
	}
	return w, append(wrong, w.check()...)
}

type waiverField struct {
	key    string
	into   *string
	needed bool
}

func (w *Waiver) fields() []waiverField {
	return []waiverField{
		{"requirement", &w.Requirement, true}, {"platform", &w.Selector.Platform, false}, {"target", &w.Selector.Target, false},
		{"versions", &w.Selector.Versions, false}, {"reason", &w.Reason, true}, {"owner", &w.Owner, true}, {"ticket", &w.Ticket, true}, {"expires", &w.Expires, true},
	}
}

// check says what is wrong with values that are there.
func (w *Waiver) check() (wrong []string) {
	if w.Expires != "" {
		if _, err := time.Parse(time.DateOnly, w.Expires); err != nil {
			wrong = append(wrong, fmt.Sprintf("expires: %q is no day such as 2027-06-30", clip(w.Expires)))
		}
	}
	if w.Selector.Versions != "" {
		if bounds, err := parseVersions(w.Selector.Versions); err != nil {
			wrong = append(wrong, "versions: "+err.Error())
		} else if isEmpty(bounds) {
			wrong = append(wrong, fmt.Sprintf("versions: none is within %s", w.Selector.Versions))
		}
	}
	return wrong
}
