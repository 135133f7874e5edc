package results

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// sideOf is a source of one log, as its frames say.
func sideOf(t *testing.T, names ...string) Side {
	t.Helper()
	var d Document
	for _, name := range names {
		data, err := os.ReadFile("testdata/" + name)
		require.NoError(t, err)
		r, err := Parse(bytes.NewReader(data), "")
		require.NoError(t, err)
		d.Entries = append(d.Entries, Entry{Name: name, Report: r})
	}
	return d.Side("side")
}

// Two runs of the same VM differ in nothing.
func TestDiffOfTwoRuns(t *testing.T) {
	d := NewDiff(sideOf(t, "diff/first.log"), sideOf(t, "diff/second.log"))
	require.Len(t, d.Pairs, 1)
	require.Empty(t, d.Pairs[0].Differences)
	require.Zero(t, d.Regressions())
	require.Equal(t, "they differ in nothing", d.conclusion())
	require.NotEqual(t, d.Pairs[0].Before.Nonce, d.Pairs[0].After.Nonce)
}

func TestDiffOfTwoFirmwares(t *testing.T) {
	d := NewDiff(sideOf(t, "diff/first.log"), sideOf(t, "diff/uboot.log"))
	kinds := map[string]DiffKind{}
	for _, p := range d.Pairs[0].Differences {
		kinds[p.ID] = p.Kind
	}
	require.Equal(t, Regressed, kinds["FW-RTC"], "U-Boot has no clock")
	require.Equal(t, Otherwise, kinds["FW-UEFI-BOOT"])
	require.Equal(t, Added, kinds["IMG-GPT"])
	require.NotContains(t, kinds, "PLAT-XEN-GRANTS", "skipped in both")
	require.Positive(t, d.Regressions())

	back := NewDiff(sideOf(t, "diff/uboot.log"), sideOf(t, "diff/first.log"))
	for _, p := range back.Pairs[0].Differences {
		if p.ID == "FW-RTC" {
			require.Equal(t, Fixed, p.Kind)
		}
		if p.ID == "IMG-GPT" {
			require.Equal(t, Gone, p.Kind)
		}
	}
}

func TestSteady(t *testing.T) {
	for _, same := range [][2]string{
		{"rtc0 advances between 0.973 and 1.053 s a second", "rtc0 advances between 0.962 and 1.039 s a second"},
		{"1 CPU woken, at most 0.6 ms late; at most 0 interrupts of other devices meanwhile", "1 CPU woken, at most 12 ms late; at most 3 interrupts of other devices meanwhile"},
		{"each got at least 12 interrupts in the trial", "each got at least 14 interrupts in the trial"},
		{"35840 reads on one CPU, 0 went back", "32768 reads on one CPU, 0 went back"},
		{"found none; left 030e4f94/1 f7d9001a/0 poweroff", "found none; left 030e4f95/1 a7d9001a/0 poweroff"},
		{"rtc0 says 2026-11-30", "rtc0 says 2027-01-02"},
		{"6 interrupts by 3 messages", "7 interrupts by 3 messages"},
		{"254 of 255 KiB free", "250 of 255 KiB free"},
		{"at ffff800012345678", "at ffffa00012345670"},
	} {
		require.Equal(t, steady(same[0]), steady(same[1]))
	}
	for _, other := range [][2]string{
		{"EFI v2.70 by EDK II", "EFI v2.80 by EDK II"},
		{"GICv3 with 1 CPU", "GICv3 with 2 CPUs"},
		{"6 interrupts by 3 messages", "6 interrupts by 4 messages"},
		{"6 interrupts by 3 messages", "0 interrupts by 3 messages"},
		{"each got at least 0 interrupts in the trial", "each got at least 14 interrupts in the trial"},
		{"35840 reads on one CPU, 0 went back", "35840 reads on one CPU, 2 went back"},
		{"512 MiB described by fdt", "256 MiB described by fdt"},
		{"PSCI 1.1; hvc", "PSCI 1.1; smc"},
		{"CNTFRQ 62500000 Hz", "CNTFRQ 24000000 Hz"},
		{"partition 1, LBA 2048 to 94207", "partition 1, LBA 34 to 94207"},
	} {
		require.NotEqual(t, steady(other[0]), steady(other[1]))
	}
}

// what makes a side of outcomes, one a point.
func what(name string, verdict Conformance, outcomes ...Outcome) Side {
	r := sheetReport{Name: name, Profile: "v1.0", Verdict: verdict}
	for i, o := range outcomes {
		if o != "" {
			r.Points = append(r.Points, sheetPoint{ID: "A-" + string(rune('A'+i)), Outcome: o})
		}
	}
	return Side{name, []sheetReport{r}}
}

func TestDiffKinds(t *testing.T) {
	for _, c := range []struct {
		before, after Outcome
		kind          DiffKind
		regressions   int
	}{
		{Passed, Failed, Regressed, 1},
		{Passed, InError, Regressed, 1},
		{Passed, NotMet, Regressed, 1},
		{LeftOpen, Failed, Regressed, 1},
		{Failed, Passed, Fixed, 0},
		{InError, Passed, Fixed, 0},
		{LeftOpen, Passed, Added, 0},
		{Passed, LeftOpen, Gone, 0},
		{Failed, LeftOpen, Gone, 0},
		{"", Passed, Added, 0},
		{"", Failed, Added, 0}, // the later suite asks more
		{Passed, "", Gone, 0},
	} {
		d := NewDiff(what("a", Conformant, c.before), what("b", Conformant, c.after))
		require.Len(t, d.Pairs[0].Differences, 1, "%v", c)
		require.Equal(t, c.kind, d.Pairs[0].Differences[0].Kind, "%v", c)
		require.Equal(t, c.regressions, d.Regressions(), "%v", c)
	}
	for _, o := range outcomes {
		for _, other := range outcomes {
			require.Equal(t, o != other, changeOf[o][other] != "", "%s to %s", o, other)
		}
	}
	require.Empty(t, NewDiff(what("a", Conformant, ""), what("b", Conformant, LeftOpen)).Pairs[0].Differences)
}

// A verdict that is worse without a point to blame is a regression, and so is a
// report that is gone; one that is worse since more is asked is none.
func TestDiffVerdicts(t *testing.T) {
	require.Equal(t, 1, NewDiff(what("a", Conformant, Passed), what("b", CouldNotTell, Passed)).Regressions())
	require.Zero(t, NewDiff(what("a", CouldNotTell, Passed), what("b", Conformant, Passed)).Regressions())
	require.Zero(t, NewDiff(what("a", Conformant, ""), what("b", NotConformant, Failed)).Regressions())
	both := what("a", Conformant, Passed)
	both.reports = append(both.reports, what("c", Conformant, Passed).reports...)
	d := NewDiff(both, what("x/a", Conformant, Passed))
	require.Len(t, d.Pairs, 2)
	require.NotNil(t, d.Pairs[0].After, "by name")
	require.Nil(t, d.Pairs[1].After)
	require.Equal(t, 1, d.Regressions())
	require.Zero(t, NewDiff(what("a", Conformant, Passed), both).Regressions())
}

// What a guest wrote arrives as text.
func TestHostileDiff(t *testing.T) {
	const payload = "\x1b[31m</td><script>alert(1)</script> | `::error::x` ##[error] [x](javascript:a)\n::set-output name=a::b"
	a, b := what(payload, Conformant, Passed, Passed), what(payload, NotConformant, Failed, Passed)
	for _, s := range []Side{a, b} {
		for i := range s.reports[0].Points {
			p := &s.reports[0].Points[i]
			p.Title, p.Found = payload, payload+s.reports[0].Points[i].ID+string(p.Outcome)
		}
	}
	d := NewDiff(a, b)
	var text, markdown, programs bytes.Buffer
	text.WriteString(Text{}.OfDiff(d))
	require.NoError(t, d.Markdown(&markdown))
	require.NoError(t, d.JSON(&programs))
	for _, out := range []string{text.String(), markdown.String(), programs.String()} {
		require.NotContains(t, out, "\x1b")
		require.NotContains(t, out, "##[")
		for line := range strings.Lines(out) {
			require.False(t, strings.HasPrefix(line, "::"), line)
		}
	}
	for line := range strings.Lines(markdown.String()) {
		if strings.Contains(line, "A-A") {
			require.Equal(t, 5, strings.Count(line, "|"), line)
		}
	}
	var read diffSheet
	require.NoError(t, json.Unmarshal(programs.Bytes(), &read))
	require.Contains(t, read.Pairs[0].Differences[0].Title, "<script>")
	require.Equal(t, 1, read.Regressions)
}

func TestReadSide(t *testing.T) {
	text, err := os.ReadFile("testdata/formats/qemu-virt-gicv2.json")
	require.NoError(t, err)
	side, err := ReadSide(bytes.NewReader(text), "x")
	require.NoError(t, err)
	require.Equal(t, "they differ in nothing", NewDiff(side, side).conclusion())
	for name, c := range map[string]struct{ text, want string }{
		"no JSON":        {"{", "not a report in JSON: unexpected end"},
		"another format": {`{"format":"x"}`, `its format is "x"`},
		"a later one":    {`{"format":"vmspec-report","version":2}`, "of version 2; this vmspec reads version 1"},
		"none":           {`{"format":"vmspec-report","version":1,"reports":[]}`, "a document of no report"},
		"no verdict":     {`{"format":"vmspec-report","version":1,"reports":[{"verdict":"fine"}]}`, `report 1: no verdict is called "fine"`},
		"no ID":          {`{"format":"vmspec-report","version":1,"reports":[{"verdict":"conformant","points":[{"id":"<b>"}]}]}`, `point 1: "<b>" is no ID`},
		"no outcome":     {`{"format":"vmspec-report","version":1,"reports":[{"verdict":"conformant","points":[{"id":"A","outcome":"fine"}]}]}`, `no outcome is called "fine"`},
		"twice":          {`{"format":"vmspec-report","version":1,"reports":[{"verdict":"conformant","points":[{"id":"A","outcome":"passed"},{"id":"A","outcome":"passed"}]}]}`, "A is there twice"},
	} {
		_, err := ReadSide(strings.NewReader(c.text), "x")
		require.ErrorContains(t, err, c.want, name)
	}
}

func FuzzReadSide(f *testing.F) {
	f.Add([]byte(`{"format":"vmspec-report","version":1,"reports":[{"verdict":"conformant","points":[{"id":"A","outcome":"passed"}]}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		side, err := ReadSide(bytes.NewReader(text), "x")
		if err != nil {
			return
		}
		d := NewDiff(side, side)
		require.Zero(t, d.Regressions())
		require.Equal(t, "they differ in nothing", d.conclusion())
		require.NoError(t, d.JSON(&bytes.Buffer{}))
	})
}
