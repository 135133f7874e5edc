package publish

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// sound is a description without a fault.
const sound = `hypervisor: my-vmm
version: "1.2"
firmware: none
arch: arm64
host: a board
kernel: Linux 6.1
date: "2026-11-30"
command: my-vmm
logs:
  - file: boot.log
    sha256: 7c0d3a27314ee530d06ef294bc206d4e3852215aeebc2f94f5926eb16f1d825c
`

// The schema and the program refuse the same.
func TestFaultsOfDescriptions(t *testing.T) {
	schema := compiled(t)
	_, err := ParseAbout([]byte(sound))
	require.NoError(t, err)
	require.NoError(t, schema.Validate(valueOf(t, []byte(sound))))
	for name, c := range map[string]struct{ old, new, want string }{
		"no hypervisor":         {"hypervisor: my-vmm\n", "", "hypervisor is missing"},
		"an empty version":      {`"1.2"`, `""`, "version is missing"},
		"an unknown key":        {"host:", "shoe: x\nhost:", "field shoe not found"},
		"an unknown arch":       {"arm64", "riscv", `arch: "riscv": arm64 or arm`},
		"no date":               {`"2026-11-30"`, `"yesterday"`, `date: "yesterday"`},
		"a day that is none":    {`"2026-11-30"`, `"2026-02-30"`, `date: "2026-02-30"`},
		"a date with a time":    {`"2026-11-30"`, `"2026-11-30T10:00"`, "a date such as"},
		"a path for a log":      {"boot.log", "../boot.log", "is a path"},
		"a hidden log":          {"boot.log", ".boot", "a name is"},
		"a name with a dot end": {"boot.log", "boot.", "a name is"},
		"a sum that is none":    {"7c0d3a27", "7c0d", "64 hexadecimal digits"},
		"a sum in capitals":     {"7c0d3a27", "7C0D3A27", "64 hexadecimal digits"},
		"a text without end":    {"a board", strings.Repeat("x", maxText+1), "host: 2001 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			text := []byte(strings.Replace(sound, c.old, c.new, 1))
			_, err := ParseAbout(text)
			require.ErrorContains(t, err, c.want)
			require.Error(t, schema.Validate(valueOf(t, text)))
		})
	}
}

func TestDescriptionsThatAreNone(t *testing.T) {
	for text, want := range map[string]string{
		"":                              "it is empty",
		"- a":                           "cannot unmarshal",
		"a: [":                          "line 1",
		sound + "---\na: b":             "more than one document",
		sound + "x: 1":                  "field x not found",
		strings.Split(sound, "logs")[0]: "logs: none is listed",
		sound + "  - file: boot.log\n    sha256: 7c0d3a27314ee530d06ef294bc206d4e3852215aeebc2f94f5926eb16f1d825c\n": "boot.log is there twice",
		strings.Replace(sound, "boot.log", AboutFile, 1):                                                             "result.yaml is there twice, or is no log",
	} {
		_, err := ParseAbout([]byte(text))
		require.ErrorContains(t, err, want, text)
	}
}

func TestNames(t *testing.T) {
	for _, name := range []string{"qemu-7.2", "a", "Xen_4.17+x", strings.Repeat("a", 64)} {
		require.NoError(t, CheckName(name))
	}
	for _, name := range []string{"", ".", "..", "../a", "a/b", `a\b`, "/etc", "-x", ".git", "a b", "a\n", "a\x1b[31m", "ä", "a.", "C:", strings.Repeat("a", 65), strings.Repeat("/", 500)} {
		err := CheckName(name)
		require.Error(t, err, name)
		require.Less(t, len(err.Error()), 500)
		require.NotContains(t, err.Error(), "\x1b")
	}
}

func TestVerdictsThatAreNone(t *testing.T) {
	for text, want := range map[string]string{
		"":                             "it is empty",
		"[]":                           "it holds no verdict",
		"- log: a":                     "entry 1: log or profile is missing",
		"- {log: a, profile: b, c: 1}": "field c not found",
		"- {log: a, profile: b}\n- {log: a, profile: b}":         "entry 2: a by b is there twice",
		"- {log: a, profile: b, changed: [{verdict: c}]}":        "a change without since or why",
		"- {log: a, profile: b, changed: [{since: c, why: ''}]}": "a change without since or why",
	} {
		_, err := ParseVerdicts([]byte(text))
		require.ErrorContains(t, err, want, text)
	}
}

// What is accepted fits the schema, and names no path.
func FuzzParseAbout(f *testing.F) {
	f.Add(sound)
	f.Add(strings.Replace(sound, "boot.log", "../x", 1))
	f.Fuzz(func(t *testing.T, text string) {
		a, err := ParseAbout([]byte(text))
		if err != nil {
			return
		}
		for _, l := range a.Logs {
			require.NoError(t, CheckName(l.File))
			require.NotContains(t, l.File, "/")
		}
	})
}

// A log of verdicts that is accepted names each log and profile once.
func FuzzParseVerdicts(f *testing.F) {
	f.Add("- {log: a, profile: b, changed: [{since: c, why: d, verdict: e}]}")
	f.Fuzz(func(t *testing.T, text string) {
		all, err := ParseVerdicts([]byte(text))
		if err != nil {
			return
		}
		seen := map[[2]string]bool{}
		for _, e := range all {
			require.False(t, seen[[2]string{e.Log, e.Profile}])
			seen[[2]string{e.Log, e.Profile}] = true
		}
	})
}
