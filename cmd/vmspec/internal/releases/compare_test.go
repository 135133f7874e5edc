package releases

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// old is a release, and now the next; in all that is not about what changed they agree.
func old() *Record {
	return &Record{
		Version: "0.1.0",
		Requirements: []Requirement{
			{ID: "FW-A", Title: "A is there", Party: "platform", Kind: "evidence", Levels: map[string]string{"rfc-v2": "must", "v2.0": "must"}},
			{ID: "FW-B", Title: "B is there", Party: "platform", Kind: "evidence", Levels: map[string]string{"rfc-v2": "must"}, Asked: "B must be there."},
		},
		Commands: []Command{
			{Name: "vmspec run", About: "Start a target", Flags: []Flag{{Name: "cpus", About: "how many", Default: "1"}, {Name: "log", About: "keep it in FILE"}}},
			{Name: "vmspec see", About: "See it", Flags: []Flag{{Name: "far", About: "see far"}}},
			{Name: "vmspec judge", About: "Judge"},
		},
		Formats: []Format{{Name: "tap", Commands: []string{"vmspec run", "vmspec judge"}}},
		Targets: []Target{{"qemu", "QEMU"}},
	}
}

// section returns what changed of one kind.
func section(t *testing.T, now *Record, title string) Section {
	t.Helper()
	for _, s := range Compare(old(), now) {
		if s.Title == title {
			return s
		}
	}
	t.Fatalf("no section %s", title)
	return Section{}
}

func TestNothingChanged(t *testing.T) {
	for _, s := range Compare(old(), old()) {
		require.Equal(t, Section{Title: s.Title}, s)
	}
	require.Equal(t, "# vmspec 0.1.0: what changed since 0.1.0\n", Text(old(), old(), ""))
}

func TestCompare(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*Record)
		want   Section
	}{
		"a requirement is new": {
			func(r *Record) {
				r.Requirements = append(r.Requirements, Requirement{ID: "FW-C", Title: "C is there", Levels: map[string]string{"rfc-v2": "must", "v2.0": "should"}})
			},
			Section{Title: "Requirements", New: []Change{{Name: "FW-C", About: []string{"C is there (must by rfc-v2, should by v2.0)"}}}},
		},
		"a requirement is gone": {
			func(r *Record) { r.Requirements = r.Requirements[1:] },
			Section{Title: "Requirements", Gone: []Change{{Name: "FW-A", About: []string{"A is there (must)"}}}},
		},
		"a title is another": {
			func(r *Record) { r.Requirements[0].Title = "A works" },
			Section{Title: "Requirements", Changed: []Change{{Name: "FW-A", About: []string{"title: A works; was: A is there"}}}},
		},
		"a party and a kind are others": {
			func(r *Record) { r.Requirements[0].Party, r.Requirements[0].Kind = "image", "functional" },
			Section{Title: "Requirements", Changed: []Change{{Name: "FW-A", About: []string{"party: image; was: platform", "kind: functional; was: evidence"}}}},
		},
		"a level is another, and a profile asks it no longer": {
			func(r *Record) { r.Requirements[0].Levels = map[string]string{"v2.0": "should"} },
			Section{Title: "Requirements", Changed: []Change{{Name: "FW-A", About: []string{
				"level by rfc-v2: not asked; was: must", "level by v2.0: should; was: must"}}}},
		},
		"a profile asks it now": {
			func(r *Record) { r.Requirements[1].Levels = map[string]string{"rfc-v2": "must", "v2.0": "must"} },
			Section{Title: "Requirements", Changed: []Change{{Name: "FW-B", About: []string{"level by v2.0: must; was: not asked"}}}},
		},
		"it is not judged any more": {
			func(r *Record) { r.Requirements[0].Untested = "needs-host" },
			Section{Title: "Requirements", Changed: []Change{{Name: "FW-A", About: []string{"judged: no, needs-host; was: yes"}}}},
		},
		"it is asked in other words": {
			func(r *Record) { r.Requirements[1].Asked = "B should be there." },
			Section{Title: "Requirements", Changed: []Change{{Name: "FW-B", About: []string{"asked: B should be there.; was: B must be there."}}}},
		},
		"it is asked in words where there were none": {
			func(r *Record) { r.Requirements[0].Asked = "A must be there." },
			Section{Title: "Requirements"},
		},
		"a command is new": {
			func(r *Record) { r.Commands = append(r.Commands, Command{Name: "vmspec diff", About: "Compare"}) },
			Section{Title: "Commands", New: []Change{{Name: "vmspec diff", About: []string{"Compare"}}}},
		},
		"a command is gone": {
			func(r *Record) { r.Commands = r.Commands[:1] },
			Section{Title: "Commands", Gone: []Change{{Name: "vmspec see", About: []string{"See it"}}, {Name: "vmspec judge", About: []string{"Judge"}}}},
		},
		"a flag of a command that is gone is not told": {
			func(r *Record) { r.Commands = r.Commands[:1] },
			Section{Title: "Flags of commands"},
		},
		"nor one of a command that is new": {
			func(r *Record) {
				r.Commands = append(r.Commands, Command{Name: "vmspec diff", Flags: []Flag{{Name: "near", About: "near"}}})
			},
			Section{Title: "Flags of commands"},
		},
		"two commands have a new flag": {
			func(r *Record) {
				for _, n := range []int{0, 2} {
					r.Commands[n].Flags = append(r.Commands[n].Flags, Flag{Name: "format", About: "of the report"})
				}
			},
			Section{Title: "Flags of commands", New: []Change{{Name: "--format", Of: []string{"vmspec run", "vmspec judge"}, About: []string{"of the report"}}}},
		},
		"a flag is gone": {
			func(r *Record) { r.Commands[0].Flags = r.Commands[0].Flags[:1] },
			Section{Title: "Flags of commands", Gone: []Change{{Name: "--log", Of: []string{"vmspec run"}, About: []string{"keep it in FILE"}}}},
		},
		"defaults are others": {
			func(r *Record) { r.Commands[0].Flags[0].Default, r.Commands[0].Flags[1].Default = "", "a.log" },
			Section{Title: "Flags of commands", Changed: []Change{
				{Name: "--cpus", Of: []string{"vmspec run"}, About: []string{"default: none; was: 1"}},
				{Name: "--log", Of: []string{"vmspec run"}, About: []string{"default: a.log; was: none"}},
			}},
		},
		"a format is new, of two commands": {
			func(r *Record) {
				r.Formats = append(r.Formats, Format{Name: "json", Commands: []string{"vmspec run", "vmspec judge"}})
			},
			Section{Title: "Formats", New: []Change{{Name: "json", Of: []string{"vmspec run", "vmspec judge"}, About: []string{}}}},
		},
		"a command no longer has a format": {
			func(r *Record) { r.Formats[0].Commands = r.Formats[0].Commands[:1] },
			Section{Title: "Formats", Gone: []Change{{Name: "tap", Of: []string{"vmspec judge"}, About: []string{}}}},
		},
		"a target is another": {
			func(r *Record) { r.Targets = []Target{{"xen", "Xen"}} },
			Section{Title: "Targets", New: []Change{{Name: "xen", About: []string{"Xen"}}}, Gone: []Change{{Name: "qemu", About: []string{"QEMU"}}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			now := old()
			test.change(now)
			require.Equal(t, test.want, section(t, now, test.want.Title))
		})
	}
}

func TestText(t *testing.T) {
	now := old()
	now.Version = "0.2.0"
	now.Requirements[0].Title, now.Requirements[0].Kind = "A is there, and "+strings.Repeat("is seen to be there, ", 4)+"by everybody", "functional"
	now.Commands[2].Name = "vmspec judge all"
	now.Commands[0].Flags = append(now.Commands[0].Flags, Flag{Name: "gic", About: "its version"})
	require.Equal(t, `# vmspec 0.2.0: what changed since 0.1.0

By hand.

## Requirements

Changed:

- `+"`FW-A`"+`
  - title: A is there, and is seen to be there, is seen to be there, is seen to
    be there, is seen to be there, by everybody; was: A is there
  - kind: functional; was: evidence

## Commands

New:

- `+"`vmspec judge all`"+`: Judge

Gone:

- `+"`vmspec judge`"+`: Judge

## Flags of commands

New:

- `+"`--gic`"+` (vmspec run): its version
`, Text(old(), now, "By hand.\n"))
}

func TestRecordIsReadAsItIsWritten(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, old().Write(&b))
	got, err := Read(b.Bytes())
	require.NoError(t, err)
	require.Equal(t, old(), got)
}

func TestReadRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":        "",
		"no record":      "- a\n",
		"a field of old": "version: 0.1.0\nrules: []\n",
		"binary":         "\x00\x01",
	} {
		_, err := Read([]byte(text))
		require.ErrorContains(t, err, "read record of a release: ", name)
	}
}
