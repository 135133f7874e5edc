package results

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// today is the day of the tests.
var today = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// waiverText is a good waiver, with lines replaced.
func waiverText(replaced map[string]string) string {
	text := "waivers:\n  -"
	for _, key := range []string{"requirement", "platform", "target", "versions", "reason", "owner", "ticket", "expires"} {
		value, ok := replaced[key]
		if !ok {
			value = map[string]string{"requirement": "FW-RTC", "reason": "no clock", "owner": "me", "ticket": "T-1", "expires": "2027-01-31"}[key]
		}
		if value != "" {
			text += fmt.Sprintf(" %s: %s\n   ", key, value)
		}
	}
	return strings.TrimRight(text, " ")
}

func readWaivers(text string) (*Waivers, error) {
	return ReadWaivers(strings.NewReader(text), "w.yaml", func(id string) bool { return strings.HasPrefix(id, "FW-") || strings.HasPrefix(id, "PLAT-") }, today)
}

// What can be seen to be rotten before anything is judged.
func TestRottenFiles(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"expired":              {waiverText(map[string]string{"expires": "2026-11-29"}), "w.yaml:2: FW-RTC: it expired on 2026-11-29; ask me, T-1"},
		"no such day":          {waiverText(map[string]string{"expires": "2027-02-30"}), `expires: "2027-02-30" is no day`},
		"a bad day":            {waiverText(map[string]string{"expires": "soon"}), `expires: "soon" is no day such as 2027-06-30`},
		"no last day":          {waiverText(map[string]string{"expires": ""}), "it has no expires"},
		"unknown requirement":  {waiverText(map[string]string{"requirement": "NOPE"}), `no requirement is called "NOPE"`},
		"no requirement":       {waiverText(map[string]string{"requirement": ""}), "it has no requirement"},
		"no reason":            {waiverText(map[string]string{"reason": ""}), "it has no reason"},
		"an empty reason":      {waiverText(map[string]string{"reason": `" "`}), "reason needs a text"},
		"a null owner":         {waiverText(map[string]string{"owner": "~"}), "owner needs a text"},
		"no owner":             {waiverText(map[string]string{"owner": ""}), "it has no owner"},
		"no ticket":            {waiverText(map[string]string{"ticket": ""}), "it has no ticket"},
		"unknown key":          {strings.Replace(waiverText(nil), "owner:", "ovner:", 1), `no key is called "ovner"`},
		"a key twice":          {waiverText(nil) + "    owner: you\n", "owner is there twice"},
		"a bad range":          {waiverText(map[string]string{"versions": "7.x"}), `"7.x" is no bound of a range`},
		"a range of nothing":   {waiverText(map[string]string{"versions": `">=8 <7"`}), "versions: none is within >=8 <7"},
		"twice":                {waiverText(nil) + strings.TrimPrefix(waiverText(nil), "waivers:\n"), "w.yaml:7: FW-RTC: the waiver of line 2 is for the same"},
		"contradicting ranges": {waiverText(map[string]string{"versions": `">=7"`}) + strings.TrimPrefix(waiverText(map[string]string{"versions": `"<7.1"`}), "waivers:\n"), "is for the same"},
		"contradicting places": {waiverText(map[string]string{"target": "a"}) + strings.TrimPrefix(waiverText(map[string]string{"platform": "b"}), "waivers:\n"), "is for the same"},
		"empty":                {"", "w.yaml: it is empty"},
		"no list":              {"waivers: 3\n", "one key is needed, waivers, and under it a list"},
		"an empty list":        {"waivers: []\n", "it holds no waiver"},
		"another key":          {"waiver: []\n", "one key is needed"},
		"no mapping":           {"waivers: [a]\n", "keys and values are needed"},
		"two documents":        {waiverText(nil) + "---\na: b\n", "more than one document"},
		"no YAML":              {"waivers: [\x01", "w.yaml: "},
		"an alias":             {"waivers:\n  - &a {requirement: &r FW-RTC, reason: *r}\n", "reason needs a text"},
		"too long":             {waiverText(map[string]string{"reason": strings.Repeat("x", 1001)}), "reason has more than 1000 bytes"},
		"too large":            {strings.Repeat("#", 1<<20+1), "more than 1024 KiB"},
	} {
		_, err := readWaivers(c.text)
		require.ErrorContains(t, err, c.want, name)
		require.NotContains(t, err.Error(), "\x1b")
	}
	_, err := readWaivers(waiverText(map[string]string{"expires": "2026-11-30"}))
	require.NoError(t, err, "the last day is not over")
	_, err = readWaivers(waiverText(map[string]string{"versions": `">=7 <8"`}) + strings.TrimPrefix(waiverText(map[string]string{"versions": `">=8"`}), "waivers:\n"))
	require.NoError(t, err, "the ranges are apart")
}

// What is seen to be rotten by what was judged.
func TestRottenByResult(t *testing.T) {
	for name, c := range map[string]struct {
		replaced map[string]string
		vm       VM
		want     string
	}{
		"another target":   {map[string]string{"target": "q"}, VM{Targets: []string{"p"}}, `w.yaml:2: FW-RTC: it matches no VM: the target is "p", not "q"`},
		"another platform": {map[string]string{"platform": "q"}, VM{Platform: "p"}, `it matches no VM: the platform is "p", not "q"`},
		"outside of range": {map[string]string{"versions": `">=7 <8"`}, VM{Version: "8.0.1"}, "it matches no VM: version 8.0.1 is not within >=7 <8"},
		"unknown version":  {map[string]string{"versions": `">=7"`}, VM{}, "it is for versions >=7, and nobody said the VM's"},
		"a bad version":    {map[string]string{"versions": `">=7"`}, VM{Version: "new"}, `"new" is no version`},
		"met now":          {map[string]string{"requirement": "PLAT-GIC"}, VM{}, "w.yaml:2: PLAT-GIC: vm meets it now: remove the waiver"},
		"not judged":       {map[string]string{"requirement": "FW-VAR-INSTANCE"}, VM{}, "it matches no failure: it was not judged in vm: needs-two-vms"},
		"not asked":        {map[string]string{"requirement": "PLAT-NOWHERE"}, VM{}, "it matches no failure: vm does not ask it by rfc-v2"},
		"no text asks it":  {map[string]string{"requirement": "PLAT-SMCCC"}, VM{}, "no text asks it"},
	} {
		w, err := readWaivers(waiverText(c.replaced))
		require.NoError(t, err, name)
		r := failing(t)
		w.Apply(r, "vm", c.vm)
		rotten := w.Rotten()
		require.Len(t, rotten, 1, name)
		require.Contains(t, rotten[0], c.want, name)
		conclusion, _ := r.Conclude(false)
		require.Equal(t, NotConformant, conclusion, name)
	}
	w, err := readWaivers(waiverText(nil))
	require.NoError(t, err)
	require.Contains(t, w.Rotten()[0], "there is no whole report", "nothing was judged")
}

// failing is a report of which FW-RTC alone fails.
func failing(t *testing.T) *Report {
	t.Helper()
	data, err := os.ReadFile("testdata/diff/uboot.log")
	require.NoError(t, err)
	r, err := Parse(bytes.NewReader(data), "")
	require.NoError(t, err)
	require.Equal(t, []string{"FW-RTC"}, r.of(r.Party(), true, Fail))
	return r
}

// A waiver changes no result: only that it does not count.
func TestWaived(t *testing.T) {
	w, err := readWaivers(waiverText(map[string]string{"target": "uboot", "platform": "p", "versions": `">=7.2 <8"`}))
	require.NoError(t, err)
	r := failing(t)
	w.Apply(r, "vm", VM{Platform: "p", Targets: []string{"logs/uboot.log"}, Version: "7.2.22"})
	require.Empty(t, w.Rotten())
	conclusion, rests := r.Conclude(false)
	require.Equal(t, Conformant, conclusion)
	require.Contains(t, rests, "1 waived (FW-RTC)")
	require.Regexp(t, `^conformant: 1 waived \(FW-RTC\); all \d+ musts judged are met`, r.Sentence(false))
	p, _ := r.Point("FW-RTC")
	require.Equal(t, Fail, p.Verdict)
	require.Equal(t, 1, r.Counted().Failed)
	require.Equal(t, 1, r.Counted().Waived)

	by, err := r.By("v1.0")
	require.NoError(t, err)
	conclusion, _ = by.Conclude(false)
	require.Equal(t, Conformant, conclusion)

	// Another failure counts as before.
	p.ID = "PLAT-GIC"
	for i := range r.Points {
		if r.Points[i].ID == p.ID {
			r.Points[i].Verdict = Fail
		}
	}
	conclusion, _ = r.Conclude(false)
	require.Equal(t, NotConformant, conclusion)
	require.Contains(t, r.Sentence(false), "1 waived (FW-RTC); 1 of")
}

// Each format has the result and the disposition, and what a waiver says is text.
func TestWaivedFormats(t *testing.T) {
	const payload = `"\e[31m<script>alert(1)</script> ##[error]x\n::set-output name=a::b | \u202e]]>"`
	w, err := readWaivers(waiverText(map[string]string{"reason": payload, "owner": payload, "ticket": payload}))
	require.NoError(t, err)
	r := failing(t)
	w.Apply(r, "vm", VM{})
	d := &Document{Entries: []Entry{{Name: "vm", Report: r}}}
	schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource(SchemaID, schema))
	compiled, err := c.Compile(SchemaID)
	require.NoError(t, err)
	for name, write := range map[string]func(*bytes.Buffer) error{
		"text":     func(b *bytes.Buffer) error { b.WriteString(Text{Name: "vm"}.Of(r)); return nil },
		"markdown": func(b *bytes.Buffer) error { return d.Markdown(b) }, "json": func(b *bytes.Buffer) error { return d.JSON(b) },
		"junit": func(b *bytes.Buffer) error { return d.JUnit(b) }, "html": func(b *bytes.Buffer) error { return d.HTML(b) },
		"github": func(b *bytes.Buffer) error { return d.Annotations(b) },
	} {
		var b bytes.Buffer
		require.NoError(t, write(&b), name)
		out := b.String()
		require.Contains(t, out, "failed", name)
		require.Contains(t, out, "waived", name)
		for _, bad := range []string{"\x1b", "##[", "\u202e"} {
			require.NotContains(t, out, bad, name)
		}
		for line := range strings.Lines(out) {
			require.False(t, strings.HasPrefix(line, "::set-output"), name)
		}
		if name == "html" {
			require.NotContains(t, out, "<script>alert", name)
		}
		if name != "json" {
			continue
		}
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(b.Bytes()))
		require.NoError(t, err)
		require.NoError(t, compiled.Validate(value))
		var s sheet
		require.NoError(t, json.Unmarshal(b.Bytes(), &s))
		require.Equal(t, 0, s.ExitStatus)
		for _, p := range s.Reports[0].Points {
			if p.ID == "FW-RTC" {
				require.Equal(t, Failed, p.Outcome)
				require.Equal(t, Waived, p.Disposition)
				require.False(t, p.Counted)
				require.Equal(t, "FW-RTC", p.Waiver.Requirement)
			} else {
				require.Empty(t, p.Disposition)
			}
		}
	}
}

// The schema takes what is read, and refuses what the reader refuses for its form.
func TestWaiversSchema(t *testing.T) {
	schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(WaiversSchema))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource("urn:vmspec:waivers:1", schema))
	compiled, err := c.Compile("urn:vmspec:waivers:1")
	require.NoError(t, err)
	valid := func(text string) error {
		var doc any
		require.NoError(t, yaml.Unmarshal([]byte(strings.Replace(text, "expires: 2", "expires: !!str 2", 1)), &doc))
		return compiled.Validate(doc)
	}
	require.NoError(t, valid(waiverText(map[string]string{"platform": "a", "target": "b", "versions": `">=7.2 <8"`})))
	for _, replaced := range []map[string]string{{"owner": ""}, {"versions": `"7.x"`}, {"expires": "soon"}, {"requirement": "x y"}} {
		require.Error(t, valid(waiverText(replaced)))
	}
	require.Error(t, valid(strings.Replace(waiverText(nil), "owner:", "ovner:", 1)))
}

func TestVersions(t *testing.T) {
	for _, c := range []struct {
		versions, version string
		within            bool
	}{
		{">=7.2 <8", "7.2", true}, {">=7.2 <8", "7.2.22", true}, {">=7.2 <8", "8", false}, {">=7.2 <8", "7.1.99", false},
		{"=8", "8.0", true}, {">8", "8.0.0", false}, {">8", "8.0.1", true}, {"<=8", "8.0.0", true}, {"<10", "9.2", true}, {">=10", "9.2", false},
	} {
		s := Selector{Versions: c.versions}
		require.Equal(t, c.within, s.refuses(VM{Version: c.version}) == "", "%v", c)
	}
	for _, c := range []struct {
		a, b   string
		common bool
	}{{">=7 <8", ">=8", false}, {">=7 <=8", ">=8", true}, {">7 <8", "=7.5", true}, {">7", "<7.0.1", true}, {"=7", ">7", false}, {"", ">7", true}, {"<7", ">6.9.9", true}, {"<7", ">=6", true}} {
		require.Equal(t, c.common, overlap(c.a, c.b), "%v", c)
		require.Equal(t, c.common, overlap(c.b, c.a), "%v", c)
	}
}

func FuzzReadWaivers(f *testing.F) {
	f.Add(waiverText(nil))
	f.Add("waivers:\n  - &a {requirement: *a}\n")
	f.Fuzz(func(t *testing.T, text string) {
		w, err := readWaivers(text)
		if err != nil {
			require.NotContains(t, err.Error(), "\x1b")
			return
		}
		for _, one := range w.List {
			require.NotEmpty(t, one.Reason)
			require.NotEmpty(t, one.Owner)
			require.False(t, one.expired(today))
		}
		require.Len(t, w.Rotten(), len(w.List))
	})
}
