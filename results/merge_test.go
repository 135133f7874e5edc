package results

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/results/report"
)

// storedBoots are the reports of testdata, and those of suite's captured guests.
func storedBoots(t testing.TB) (boots []Boot) {
	for _, pattern := range []string{"testdata/*.tap", "testdata/*.log", "testdata/logs/*.tap", "../suite/testdata/*.tap"} {
		names, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, name := range names {
			f, err := os.Open(name)
			require.NoError(t, err)
			r, err := Parse(f, "")
			require.NoError(t, f.Close())
			require.NoError(t, err, name)
			if r.Incomplete == nil {
				boots = append(boots, Boot{name, r})
			}
		}
	}
	require.Greater(t, len(boots), 15)
	return boots
}

// said is all that a merge says.
func said(t testing.TB, m Merge) string {
	merged, err := m.By("rfc-v2")
	require.NoError(t, err)
	text := strings.Join(merged.Lines, "\n")
	for _, c := range merged.Contradictions {
		text += "\n" + c.String()
	}
	return text + "\n" + strings.Join(merged.Observed, "\n")
}

func TestMergeIsASet(t *testing.T) {
	requireSet(t, storedBoots(t), 60)
	requireSet(t, allLives(), 600) // small ones
}

// requireSet requires that merges of these boots are sets.
func requireSet(t *testing.T, boots []Boot, rounds int) {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	some := func() (out []Boot) {
		for range 1 + rng.IntN(4) {
			b := boots[rng.IntN(len(boots))]
			if rng.IntN(4) == 0 { // the same log elsewhere, or with the host's record
				b.Name += "-copy"
			}
			if rng.IntN(4) == 0 {
				r := *b.Report
				r.Observed = []string{fmt.Sprintf("PLAT-PSCI-OFF pass: %d", rng.IntN(2))}
				b.Report = &r
			}
			out = append(out, b)
		}
		return out
	}
	for range rounds {
		a, b, c := MergeOf(some()...), MergeOf(some()...), MergeOf(some()...)
		require.Equal(t, said(t, a.With(b)), said(t, b.With(a)), "commutative")
		require.Equal(t, said(t, a.With(b).With(c)), said(t, a.With(b.With(c))), "associative")
		require.Equal(t, said(t, a), said(t, a.With(a)), "idempotent")
		require.Equal(t, said(t, a.With(b)), said(t, a.With(b).With(a)), "idempotent")
	}
}

// A merge of one boot says what its report says, and so does what is written of it.
func TestMergeOfOne(t *testing.T) {
	for _, b := range storedBoots(t) {
		merged, err := MergeOf(b).By(b.Profile)
		require.NoError(t, err)
		wantedBy, wanted := b.Conclude(false)
		gotBy, got := merged.Conclude(false)
		require.Equal(t, wanted, got, b.Name)
		require.Equal(t, wantedBy, gotBy, b.Name)
		require.Empty(t, merged.Contradictions)

		again, err := Parse(strings.NewReader(strings.Join(merged.Lines, "\n")+"\n"), "")
		require.NoError(t, err)
		require.NoError(t, again.Incomplete, b.Name)
		for i, p := range again.Points {
			require.Equal(t, merged.Points[i].Verdict, p.Verdict, p.ID)
			require.Equal(t, map[bool]string{false: b.Name}[p.Verdict == Skip], p.Boot, p.ID)
		}
		twice, err := MergeOf(Boot{"merged", again}).By(b.Profile)
		require.NoError(t, err)
		require.Equal(t, again.Points, twice.Points)
	}
}

// told is a boot whose points are written as "ID VERDICT KIND": a must of rfc-v2.
func told(name string, points ...string) Boot {
	r := &Report{Report: report.Report{Head: report.Head{Version: "0", Catalogue: "0", Profile: "rfc-v2", Arch: "arm64", Nonce: name}}}
	for i, text := range points {
		f := append(strings.Fields(text), "", "", "", "")
		r.Points = append(r.Points, Point{
			Number: i + 1, ID: f[0], Title: "x", Verdict: Verdict(f[1]), Kind: f[2], Follows: f[3], Level: report.Must,
			Found: name, Problem: map[bool]string{true: "broken"}[f[1] == "fail"], Reason: map[bool]string{true: "needs-x"}[f[1] == "skip"],
		})
	}
	r.Verdict, _ = r.Report.Conclude()
	r.Lines = r.TAP()
	return Boot{name, r}
}

// Each row is stronger than all below it.
func TestMergeDecides(t *testing.T) {
	order := []string{"fail functional", "pass functional", "fail evidence", "pass evidence", "error evidence", "skip evidence"}
	for i, strong := range order {
		for _, weak := range order[i+1:] {
			merged, err := MergeOf(told("b", "PLAT-X "+strong), told("a", "PLAT-X "+weak)).By("rfc-v2")
			require.NoError(t, err)
			require.Equal(t, "b", merged.Points[0].Boot, "%s before %s", strong, weak)
			require.Equal(t, "b", merged.Points[0].Found)
			verdict, _, _ := strings.Cut(strong, " ")
			require.Equal(t, Verdict(verdict), merged.Points[0].Verdict)
		}
	}
	merged, err := MergeOf(told("b", "PLAT-X pass evidence"), told("a", "PLAT-X pass evidence")).By("rfc-v2")
	require.NoError(t, err)
	require.Equal(t, "a", merged.Points[0].Boot)
}

func TestMergeMoreCPUs(t *testing.T) {
	one, four := told("a", "PLAT-TIMER pass", "PLAT-CPU-ENUM pass"), told("b", "PLAT-TIMER pass", "PLAT-CPU-ENUM pass")
	one.Points[1].Found, four.Points[1].Found = "1 CPU declared by fdt", "4 CPUs declared by fdt"
	merged, err := MergeOf(one, four).By("rfc-v2")
	require.NoError(t, err)
	require.Equal(t, "b", merged.Points[0].Boot)
}

func TestMergeContradiction(t *testing.T) {
	merged, err := MergeOf(told("b", "PLAT-X pass"), told("c", "PLAT-X fail functional"), told("a", "PLAT-X fail")).By("rfc-v2")
	require.NoError(t, err)
	require.Equal(t, []Contradiction{{ID: "PLAT-X", Passed: []string{"b"}, Failed: []string{"a", "c"}, Problem: "broken"}}, merged.Contradictions)
	require.Equal(t, "PLAT-X: passed in b, failed in a, c: broken", merged.Contradictions[0].String())
	require.Equal(t, "c", merged.Points[0].Boot)
	conclusion, _ := merged.Conclude(false)
	require.Equal(t, NotConformant, conclusion)
}

// What a boot failed only because it was started another way does not count.
func TestMergeWays(t *testing.T) {
	direct := told("direct", "FW-UEFI-BOOT fail functional", "FW-RTC fail functional FW-UEFI-BOOT", "HW-FDT-UEFI fail evidence FW-UEFI-BOOT", "PLAT-X pass")
	tree := told("tree", "FW-UEFI-BOOT pass functional", "FW-RTC pass functional", "HW-FDT-UEFI pass evidence", "HW-FDT-BOOT pass evidence", "HW-ACPI-UEFI fail")
	acpi := told("acpi", "FW-UEFI-BOOT pass functional", "FW-RTC error functional", "HW-FDT-UEFI fail evidence", "HW-FDT-BOOT fail evidence HW-FDT-UEFI", "HW-ACPI-UEFI pass")
	both := told("both", "HW-FDT-UEFI pass", "HW-ACPI-UEFI pass")
	for name, c := range map[string]struct {
		boots   []Boot
		verdict map[string]Verdict
		against int // contradictions
	}{
		"alone, it fails":                     {[]Boot{direct}, map[string]Verdict{"FW-UEFI-BOOT": Fail, "FW-RTC": Fail}, 0},
		"through UEFI decides":                {[]Boot{direct, acpi}, map[string]Verdict{"FW-UEFI-BOOT": Pass, "FW-RTC": Error, "HW-FDT-UEFI": Fail, "PLAT-X": Pass}, 0},
		"and passes":                          {[]Boot{direct, told("uefi", "FW-UEFI-BOOT pass", "FW-RTC pass", "HW-FDT-UEFI pass")}, map[string]Verdict{"FW-RTC": Pass, "HW-FDT-UEFI": Pass}, 0},
		"by both descriptions, never at once": {[]Boot{tree, acpi}, map[string]Verdict{"HW-FDT-UEFI": Fail, "HW-ACPI-UEFI": Fail, "HW-FDT-BOOT": Fail}, 3},
		"by both at once":                     {[]Boot{tree, acpi, both}, map[string]Verdict{"HW-FDT-UEFI": Pass, "HW-ACPI-UEFI": Pass, "HW-FDT-BOOT": Pass}, 0},
	} {
		merged, err := MergeOf(c.boots...).By("rfc-v2")
		require.NoError(t, err)
		for id, want := range c.verdict {
			p, ok := merged.Point(id)
			require.True(t, ok)
			require.Equal(t, want, p.Verdict, "%s: %s", name, id)
		}
		require.Len(t, merged.Contradictions, c.against, name)
	}
}

// A profile that asks only the tree takes a boot by it.
func TestMergeOneDescription(t *testing.T) {
	tree := told("tree", "HW-FDT-UEFI pass evidence", "HW-ACPI-UEFI fail")
	acpi := told("acpi", "HW-FDT-UEFI fail evidence", "HW-ACPI-UEFI pass")
	for _, b := range []Boot{tree, acpi} {
		b.Points[1].Level = report.Info
	}
	merged, err := MergeOf(tree, acpi).By("rfc-v2")
	require.NoError(t, err)
	p, _ := merged.Point("HW-FDT-UEFI")
	require.Equal(t, Pass, p.Verdict)
}

func TestMergeJointly(t *testing.T) {
	boot := func(name, arch, profile, gic string) Boot {
		b := told(name, "PLAT-GIC pass", "PLAT-GIC-COMPATIBLE skip", "PLAT-AARCH32 skip")
		b.Arch, b.Profile, b.Points[0].Found = arch, profile, gic+" with 1 CPU"
		return b
	}
	for name, c := range map[string]struct {
		boots          []Boot
		gic, aarch32   Verdict
		reason, decide string
	}{
		"rfc-v2, one":       {[]Boot{boot("a", "arm64", "rfc-v2", "GICv3")}, Pass, Skip, "", "a"},
		"v2.0, no GICv2":    {[]Boot{boot("a", "arm64", "v2.0", "GICv3"), boot("b", "arm64", "v2.0", "GICv4")}, Skip, Skip, "needs-gicv2", ""},
		"v2.0, no GICv3":    {[]Boot{boot("a", "arm", "v2.0", "GICv2")}, Skip, Pass, "needs-gicv3", ""},
		"v2.0, both":        {[]Boot{boot("b", "arm64", "v2.0", "GICv3"), boot("a", "arm", "v2.0", "GICv2")}, Pass, Pass, "", "a, b"},
		"rfc-v2, both too":  {[]Boot{boot("b", "arm64", "rfc-v2", "GICv3"), boot("a", "arm", "rfc-v2", "GICv2")}, Pass, Pass, "", "a"},
		"v2.0, nothing run": {[]Boot{told("a", "PLAT-GIC error", "PLAT-GIC-COMPATIBLE skip", "PLAT-AARCH32 skip")}, Error, Skip, "", "a"},
	} {
		merged, err := MergeOf(c.boots...).By(c.boots[0].Profile)
		require.NoError(t, err)
		p, _ := merged.Point("PLAT-GIC")
		require.Equal(t, c.gic, p.Verdict, name)
		require.Equal(t, c.reason, p.Reason, name)
		require.Equal(t, c.decide, p.Boot, name)
		p, _ = merged.Point("PLAT-AARCH32")
		require.Equal(t, c.aarch32, p.Verdict, name)
		p, _ = merged.Point("PLAT-GIC-COMPATIBLE")
		require.Equal(t, len(c.boots) == 2 && c.reason == "", p.Verdict == Pass, name)
	}
}

// What all boots together left out is left out.
func TestMergeChoice(t *testing.T) {
	part := func(name, id string) Boot {
		b := told(name, id+" pass")
		b.Choice = report.Choice{Only: []string{id}, Musts: 2, ByHost: true}
		b.Verdict, _ = b.Report.Report.Conclude()
		return b
	}
	one, err := MergeOf(part("a", "PLAT-X")).By("rfc-v2")
	require.NoError(t, err)
	conclusion, _ := one.Conclude(false)
	require.Equal(t, MetAsChosen, conclusion)
	two, err := MergeOf(part("a", "PLAT-X"), part("b", "PLAT-Y")).By("rfc-v2")
	require.NoError(t, err)
	conclusion, _ = two.Conclude(false)
	require.Equal(t, Conformant, conclusion)
}

func TestMergeOfNothing(t *testing.T) {
	_, err := Merge{}.By("rfc-v2")
	require.ErrorIs(t, err, ErrNoBoot)
	_, err = Merge{}.Profile()
	require.ErrorIs(t, err, ErrNoBoot)
	other := told("b", "PLAT-X pass")
	other.Profile = "v2.0"
	_, err = MergeOf(told("a", "PLAT-X pass"), other).Profile()
	require.EqualError(t, err, "a was judged by rfc-v2, b by v2.0")
	_, err = MergeOf(told("a", "PLAT-X pass"), other).By("v2.0")
	require.ErrorContains(t, err, "a: the report knows only rfc-v2")
}
