package report

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// foretold is a provisional report, with one point that is not judged yet.
func foretold() *Report {
	r := hostile("x")
	r.Points = append(r.Points, Point{Number: len(r.Points) + 1, ID: "PLAT-BLOCK-READ", Title: "Disks can be read", Verdict: Error, Level: Must, Reason: NotYet})
	return r
}

func TestStage(t *testing.T) {
	for kind, want := range map[string]int{"": 0, "v1": 0, "c1": 0, "p": 0, "p0": 0, "p1": 1, "p9": 9, "pa": 10, "pf": MaxStages, "pg": 0, "pF": 0, "p10": 0, "pp": 0} {
		require.Equal(t, want, Stage(kind), kind)
	}
}

// A stage is read as it was written, without what the catalogue says.
func TestProvisional(t *testing.T) {
	r := foretold()
	for stage := 1; stage <= MaxStages; stage++ {
		frames := r.Provisional(stage)
		data, err := Unframe(texts(t, frames))
		require.NoError(t, err)
		for _, line := range frames {
			f, _, _, _ := ParseFrame(line)
			require.Equal(t, stage, Stage(f.Kind))
			require.False(t, IsLine(line), "it is no line of a TAP report")
		}
		got, err := UnpackStage(data)
		require.NoError(t, err)
		require.Equal(t, r.Head, got.Head)
		require.Equal(t, r.Choice, got.Choice)
		require.Len(t, got.Points, len(r.Points))
		for i, p := range got.Points {
			want := r.Points[i]
			require.Equal(t, []string{want.ID, string(want.Verdict), string(want.Level), want.Found}, []string{p.ID, string(p.Verdict), string(p.Level), p.Found})
			require.Empty(t, p.Title+p.Clause+p.Kind+p.Fix)
		}
	}
}

func TestUnpackStageRefuses(t *testing.T) {
	lines := []string{planLine(1), foretold().Head.line(), "ok 1 - PLAT-GIC"}
	end := endOf(lines, 1, "7f3a9c21").line()
	whole := func(lines ...string) []byte { return pack(strings.Join(lines, "\n") + "\n") }
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"no gzip":          {[]byte("x"), "EOF"},
		"nothing":          {whole(), "their report is not whole"},
		"no end":           {whole(lines...), "their report is not whole"},
		"another's line":   {whole(append([]string{"[    1.0] kernel"}, append(lines, end)...)...), "their report is not whole"},
		"another hash":     {whole(append(lines[1:], end)...), "do not match its hash"},
		"more behind it":   {whole(append(append(lines, end), "ok 2 - PLAT-TIMER")...), "their report is not whole"},
		"too many points":  {whole(append(lines[:3:3], "ok 2 - PLAT-TIMER", endOf(append(lines[:3:3], "ok 2 - PLAT-TIMER"), 2, "x").line())...), "points"},
		"half of its gzip": {whole(append(lines, end)...)[:40], "EOF"},
	} {
		_, err := UnpackStage(c.data)
		require.ErrorContains(t, err, c.want, name)
	}
}

func TestUpdate(t *testing.T) {
	r := foretold()
	number := r.Points[len(r.Points)-1].Number
	r.Update([]Point{{Number: 1, ID: "PLAT-BLOCK-READ", Verdict: Pass, Level: Must}, {Number: 2, ID: "PLAT-NONE", Verdict: Fail}})
	got, _ := r.Point("PLAT-BLOCK-READ")
	require.Equal(t, Point{Number: number, ID: "PLAT-BLOCK-READ", Verdict: Pass, Level: Must}, got)
	_, ok := r.Point("PLAT-NONE")
	require.False(t, ok, "what is no point of the report is none of an update")
}

// A guest that says no more leaves errors, and its report is never conformant.
func TestStop(t *testing.T) {
	r := &Report{Head: foretold().Head, Points: []Point{
		{Number: 1, ID: "PLAT-GIC", Verdict: Pass, Level: Must},
		{Number: 2, ID: "PLAT-BLOCK-READ", Verdict: Error, Level: Info, Reason: NotYet},
		{Number: 3, ID: "PLAT-RNG-BYTES", Verdict: Error, Level: Info, Reason: "read entropy: EIO"},
	}}
	r.Stop("in trial disks")
	require.Equal(t, CouldNotTell, r.Verdict)
	require.Equal(t, []string{"", "the VM stopped in trial disks", "read entropy: EIO"}, []string{r.Points[0].Reason, r.Points[1].Reason, r.Points[2].Reason})
	lines := r.TAP()
	require.Contains(t, lines, "# vmspec: provisional: the VM stopped in trial disks")
	for _, line := range lines[1 : len(lines)-1] {
		require.True(t, IsLine(line), line)
	}
	end, ok := ParseEnd(lines[len(lines)-1])
	require.True(t, ok)
	again, err := Parse(lines[:len(lines)-1], end)
	require.NoError(t, err)
	require.Equal(t, "in trial disks", again.Stopped)
	r.Points[0].Verdict = Fail
	r.Stop("in trial disks")
	require.Equal(t, NotConformant, r.Verdict)
}

// FuzzUnpackStage: what is read of any data can be written and read again.
func FuzzUnpackStage(f *testing.F) {
	for _, stage := range []int{1, 2} {
		data, _ := Unframe(func() (out []string) {
			for _, line := range foretold().Provisional(stage) {
				frame, _, _, _ := ParseFrame(line)
				out = append(out, frame.Text)
			}
			return out
		}())
		text, _ := unpack(data)
		f.Add(text)
	}
	f.Add("1..0\n# vmspec: end points=0 sha256= nonce=-\n")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := UnpackStage(pack(text))
		if err != nil {
			return
		}
		var texts []string
		for _, line := range r.Provisional(1) {
			frame, _, _, whole := ParseFrame(line)
			require.True(t, whole)
			texts = append(texts, frame.Text)
		}
		data, err := Unframe(texts)
		require.NoError(t, err)
		again, err := UnpackStage(data)
		require.NoError(t, err)
		require.Len(t, again.Points, len(r.Points))
	})
}
