package releases

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// An item is one thing that a release has: what identifies it, a sentence about it,
// and what may change of it.
type item struct {
	name, of, about string // of is the command that it belongs to, if it belongs to one
	part            bool   // of its command: if that is new or gone, so is this, and it is not told
	fields          []field
}

// A field that an earlier release did not have is empty there: it is not compared.
type field struct{ name, value string }

// sections are the kinds of items, in the order in which they are told.
var sections = []struct {
	title string
	items func(*Record) []item
}{
	{"Requirements", requirements},
	{"Commands", commands},
	{"Flags of commands", flags},
	{"Formats", formats},
	{"Targets", targets},
}

func requirements(r *Record) (all []item) {
	for _, q := range r.Requirements {
		judged := "yes"
		if q.Untested != "" {
			judged = "no, " + q.Untested
		}
		fields := []field{{"title", q.Title}, {"party", q.Party}, {"kind", q.Kind}}
		for _, profile := range profiles(r) {
			level := q.Levels[profile]
			if level == "" {
				level = "not asked"
			}
			fields = append(fields, field{"level by " + profile, level})
		}
		fields = append(fields, field{"judged", judged}, field{"asked", q.Asked})
		all = append(all, item{name: q.ID, about: q.Title + " (" + levels(q.Levels) + ")", fields: fields})
	}
	return all
}

// profiles are those by which a release asks something.
func profiles(r *Record) []string {
	all := map[string]bool{}
	for _, q := range r.Requirements {
		for p := range q.Levels {
			all[p] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// levels says how strongly each profile asks: "must", or "must by rfc-v2, should by v1.0".
func levels(by map[string]string) string {
	var said []string
	same := true
	for _, p := range slices.Sorted(maps.Keys(by)) {
		said = append(said, by[p]+" by "+p)
		same = same && by[p] == by["rfc-v2"]
	}
	if same && len(said) > 1 {
		return by["rfc-v2"]
	}
	return strings.Join(said, ", ")
}

func commands(r *Record) (all []item) {
	for _, c := range r.Commands {
		all = append(all, item{name: c.Name, about: c.About})
	}
	return all
}

func flags(r *Record) (all []item) {
	for _, c := range r.Commands {
		for _, f := range c.Flags {
			all = append(all, item{name: "--" + f.Name, of: c.Name, about: f.About, part: true, fields: []field{{"default", cmp.Or(f.Default, "none")}}})
		}
	}
	return all
}

func formats(r *Record) (all []item) {
	for _, f := range r.Formats {
		for _, c := range f.Commands {
			all = append(all, item{name: f.Name, of: c})
		}
	}
	return all
}

func targets(r *Record) (all []item) {
	for _, t := range r.Targets {
		all = append(all, item{name: t.Name, about: t.About})
	}
	return all
}

// A Section is what changed of one kind.
type Section struct {
	Title              string
	New, Changed, Gone []Change
}

// A Change is of one item, or of one that several commands have.
type Change struct {
	Name  string
	Of    []string
	About []string // a sentence each
}

// Compare tells what a release has, has otherwise or no longer has, against an
// earlier one.
func Compare(was, is *Record) (changed []Section) {
	for _, s := range sections {
		each := Section{Title: s.title}
		old, now := index(s.items(was)), index(s.items(is))
		for _, i := range s.items(is) {
			before, ok := old[i.key()]
			switch {
			case ok:
				each.Changed = join(each.Changed, i, differences(before, i))
			case !i.part || was.has(i.of):
				each.New = join(each.New, i, sentence(i.about))
			}
		}
		for _, i := range s.items(was) {
			if _, ok := now[i.key()]; !ok && (!i.part || is.has(i.of)) {
				each.Gone = join(each.Gone, i, sentence(i.about))
			}
		}
		changed = append(changed, each)
	}
	return changed
}

func (i item) key() string { return i.name + "\n" + i.of }

func index(items []item) map[string]item {
	all := map[string]item{}
	for _, i := range items {
		all[i.key()] = i
	}
	return all
}

func (r *Record) has(command string) bool {
	return slices.ContainsFunc(r.Commands, func(c Command) bool { return c.Name == command })
}

// differences says what an item's fields were and are.
func differences(was, is item) (said []string) {
	before := map[string]string{}
	for _, f := range was.fields {
		before[f.name] = f.value
	}
	for _, f := range is.fields {
		if old := before[f.name]; old != "" && f.value != "" && old != f.value {
			said = append(said, f.name+": "+f.value+"; was: "+old)
		}
	}
	return said
}

func sentence(about string) []string {
	if about == "" {
		return []string{}
	}
	return []string{about}
}

// join adds a change, or to an equal one of another command. There is none where
// nothing is said of it.
func join(all []Change, i item, about []string) []Change {
	if about == nil {
		return all
	}
	for n := range all {
		if all[n].Name == i.name && i.of != "" && slices.Equal(all[n].About, about) {
			all[n].Of = append(all[n].Of, i.of)
			return all
		}
	}
	change := Change{Name: i.name, About: about}
	if i.of != "" {
		change.Of = []string{i.of}
	}
	return append(all, change)
}
