package results

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/results/report"
)

// marked is a boot that says which marks it found and left.
func marked(name, marks string, host *Series) Boot {
	b := told(name, "FW-UEFI-BOOT pass", "FW-ENV-PERSIST skip", "FW-VAR-PERSIST skip functional", "FW-VAR-INSTANCE skip functional")
	b.Points[1].Level, b.Points[2].Level = report.StronglyRecommended, report.StronglyRecommended
	b.Points[2].Found = marks
	b.Lines = b.TAP()
	b.takePart(host)
	return b
}

// startedAs is a boot of a series, with a store as it was before and after.
func startedAs(boot int, before, after string) *Series {
	return &Series{Nonce: "s", Boot: boot, Of: 3, Store: &Store{"vars", before, after}, Ended: true}
}

func fresh(before, after string) *Series {
	s := startedAs(3, before, after)
	s.Fresh, s.Image = true, true
	return s
}

func stopped(s *Series) *Series {
	s.Ended = false
	return s
}

// Marks, in the words of a report.
const (
	leftA      = "found none; left aaaaaaaa/1 -/0 poweroff"
	resetA     = "found none; left aaaaaaaa/1 -/0 reboot"
	haltA      = "found none; left aaaaaaaa/1 -/0 halt"
	foundA     = "found aaaaaaaa/1 -/0 poweroff; left bbbbbbbb/2 -/0 poweroff"
	foundReset = "found aaaaaaaa/1 -/0 reboot; left bbbbbbbb/2 -/0 poweroff"
	foundHalt  = "found aaaaaaaa/1 -/0 halt; left bbbbbbbb/2 -/0 poweroff"
	foundB     = "found bbbbbbbb/2 -/0 poweroff; left cccccccc/3 -/0 poweroff"
	leftC      = "found none; left cccccccc/1 -/0 poweroff"
	readOnly   = "found none; left refused: efivarfs is read-only"
	prevented  = "found unknown; left prevented: EPERM"
	nothing    = "found none; left nothing"
)

func TestPersist(t *testing.T) {
	noStore, bios := startedAs(1, "", ""), startedAs(1, "", "")
	noStore.Store, bios.Store, bios.Without = nil, nil, "-bios"
	for name, c := range map[string]struct {
		boots []Boot
		want  Verdict
		text  string // of what was found, or is wrong
	}{
		// By hand: the marks alone.
		"one boot":                   {[]Boot{marked("a", leftA, nil)}, Skip, leftA},
		"powered off between":        {[]Boot{marked("a", leftA, nil), marked("b", foundA, nil)}, Pass, "a left mark aaaaaaaa in a variable, b found it after a power-off"},
		"reset only":                 {[]Boot{marked("a", resetA, nil), marked("b", foundReset, nil)}, Skip, "b found the mark of a, but after a reset: a power-off is asked"},
		"halted":                     {[]Boot{marked("a", haltA, nil), marked("b", foundHalt, nil)}, Skip, "b found the mark of a, but after a reset: a power-off is asked"},
		"reset, then powered off":    {[]Boot{marked("a", resetA, nil), marked("b", foundReset, nil), marked("c", foundB, nil)}, Pass, "b left mark bbbbbbbb in a variable, c found it after a power-off"},
		"another VM's":               {[]Boot{marked("a", leftA, nil), marked("b", leftC, nil)}, Skip, leftA},
		"another count":              {[]Boot{marked("a", leftA, nil), marked("b", strings.Replace(foundA, "a/1", "a/2", 1), nil)}, Skip, leftA},
		"a series that found it not": {[]Boot{marked("a", "boot 1 of 2 of x: "+leftA, nil), marked("b", "boot 2 of 2 of x: "+nothing, nil)}, Fail, "a left a variable, and b did not find it after a power-off: the host left no record of the store"},
		"two series":                 {[]Boot{marked("a", "boot 1 of 2 of x: "+leftA, nil), marked("b", "boot 2 of 2 of y: "+nothing, nil)}, Skip, "boot 1 of 2 of x: " + leftA},
		"a series in error":          {[]Boot{marked("a", "boot 1 of 2 of x: "+leftA, nil), marked("b", "boot 2 of 2 of x: "+prevented, nil)}, Skip, "boot 1 of 2 of x: " + leftA},
		"a series that could leave none": {[]Boot{marked("a", "boot 1 of 2 of x: "+readOnly, nil), marked("b", "boot 2 of 2 of x: "+readOnly, nil)}, Fail,
			"no boot could leave a variable: efivarfs is read-only"},
		"a guest that was told wrongly": {[]Boot{marked("a", "boot 2 of 2 of x: "+leftA, startedAs(1, "0", "1")), marked("b", "boot 1 of 2 of x: "+leftC, startedAs(2, "1", "2"))}, Fail, "a left a variable"},

		// The host's word.
		"kept":                          {[]Boot{marked("a", leftA, startedAs(1, "0", "1")), marked("b", foundA, startedAs(2, "1", "2"))}, Pass, "b found it after a power-off"},
		"the VMM ended behind a reset":  {[]Boot{marked("a", resetA, startedAs(1, "0", "1")), marked("b", foundReset, startedAs(2, "1", "2"))}, Pass, "b found it after a power-off"},
		"the VMM did not end":           {[]Boot{marked("a", leftA, stopped(startedAs(1, "0", "1"))), marked("b", foundA, startedAs(2, "1", "2"))}, Skip, "after a reset"},
		"of one start of the VMM":       {[]Boot{marked("a", leftA, startedAs(1, "0", "1")), marked("b", foundA, startedAs(1, "0", "1"))}, Skip, "after a reset"},
		"a copy thrown away":            {[]Boot{marked("a", leftA, startedAs(1, "0", "0")), marked("b", leftC, startedAs(2, "0", "0"))}, Fail, "nothing was written into the store's file, as if the VM had a copy of it"},
		"another file":                  {[]Boot{marked("a", leftA, startedAs(1, "0", "1")), marked("b", leftC, startedAs(2, "0", "1"))}, Fail, "the store's file was another one at the next boot"},
		"lost by the firmware":          {[]Boot{marked("a", leftA, startedAs(1, "0", "1")), marked("b", leftC, startedAs(2, "1", "2"))}, Fail, "the firmware lost the variable, or whoever started the VM put the file back"},
		"no store":                      {[]Boot{marked("a", leftA, noStore), marked("b", leftC, startedAs(2, "", ""))}, Fail, "no file for the store is known (--store)"},
		"by -bios":                      {[]Boot{marked("a", leftA, bios), marked("b", leftC, startedAs(2, "", ""))}, Fail, "by -bios the VMM has no file for the store"},
		"a foreign variable in place":   {[]Boot{marked("a", leftA, startedAs(1, "0", "1")), marked("b", "found foreign; left removed", startedAs(2, "1", "2"))}, Fail, "a left a variable, and b did not find it"},
		"over a reset, not a power-off": {[]Boot{marked("a", resetA, bios), marked("b", foundReset, bios), marked("c", leftC, startedAs(2, "", ""))}, Fail, "b left a variable, and c did not find it after a power-off: by -bios the VMM has no file for the store; over a reset it was kept"},
		"over neither":                  {[]Boot{marked("a", resetA, bios), marked("b", leftC, bios), marked("c", nothing, startedAs(2, "", ""))}, Fail, "; it was not kept over a reset either"},
		"no SetVariable":                {[]Boot{marked("a", readOnly, noStore), marked("b", readOnly, startedAs(2, "", ""))}, Fail, "no boot could leave a variable: efivarfs is read-only"},
		"lost once, kept once":          {[]Boot{marked("a", leftA, startedAs(1, "0", "1")), marked("b", foundA, startedAs(2, "1", "2")), marked("c", leftC, startedAs(3, "2", "3"))}, Fail, "b left a variable, and c did not find it"},
		"refused on another way": {[]Boot{marked("a", leftA, startedAs(1, "0", "1")), marked("b", foundA, startedAs(2, "1", "2")), marked("c", "boot 1 of 2 of x: "+readOnly, nil), marked("d", "boot 2 of 2 of x: "+readOnly, nil)},
			Pass, "b found it after a power-off"},
		"a series of the same name, twice": {[]Boot{marked("a", "boot 1 of 2 of x: "+leftA, nil), marked("b", "boot 2 of 2 of x: "+foundA, nil),
			marked("c", "boot 1 of 2 of x: "+leftC, nil), marked("d", "boot 2 of 2 of x: found cccccccc/1 -/0 poweroff; left removed", nil)}, Pass, "a left mark aaaaaaaa in a variable, b found it after a power-off"},
		"a reset in the series' place of a power-off": {[]Boot{marked("a", "boot 1 of 2 of x: "+resetA, nil), marked("b", "boot 2 of 2 of x: "+nothing, nil)}, Skip, "boot 1 of 2 of x: " + resetA},
		"the kernel's fault":                          {[]Boot{marked("a", prevented, startedAs(1, "0", "1")), marked("b", prevented, startedAs(2, "1", "2"))}, Skip, prevented},
		"a fresh store shows nothing":                 {[]Boot{marked("a", leftA, startedAs(1, "0", "1")), marked("c", nothing, fresh("0", "1"))}, Skip, leftA},
	} {
		t.Run(name, func(t *testing.T) {
			merged, err := MergeOf(c.boots...).By("rfc-v2")
			require.NoError(t, err)
			p, _ := merged.Point("FW-VAR-PERSIST")
			require.Equal(t, c.want, p.Verdict, p.Problem+p.Found)
			require.Contains(t, p.Found+p.Problem, c.text)
			env, _ := merged.Point("FW-ENV-PERSIST")
			switch {
			case c.want == Pass:
				require.Equal(t, Pass, env.Verdict)
				require.Equal(t, p.Boot, env.Boot)
			case c.want == Fail && !strings.Contains(p.Problem, "could leave"):
				require.Equal(t, Fail, env.Verdict)
				require.Equal(t, "FW-VAR-PERSIST", env.Follows)
			default:
				require.Equal(t, Skip, env.Verdict, "its firmware may keep its own settings")
			}
		})
	}
}

func TestInstance(t *testing.T) {
	first, second := marked("a", leftA, startedAs(1, "0", "1")), marked("b", foundA, startedAs(2, "1", "2"))
	for name, c := range map[string]struct {
		boots []Boot
		want  Verdict
		text  string
	}{
		"no fresh store":        {[]Boot{first, second}, Skip, ""},
		"the VM's own":          {[]Boot{first, second, marked("c", nothing, fresh("0", "1"))}, Pass, "c, with a fresh store and the same disk image, does not show the variable that a left"},
		"the image's":           {[]Boot{first, second, marked("c", "found bbbbbbbb/2 -/0 poweroff; left removed", fresh("0", "1"))}, Fail, "c, with a fresh store and the same disk image, shows the variable that b left"},
		"a store not used":      {[]Boot{first, second, marked("c", "found bbbbbbbb/2 -/0 poweroff; left removed", fresh("0", "0"))}, Skip, "did not use the fresh store that it was given"},
		"nothing was left":      {[]Boot{marked("a", readOnly, startedAs(1, "0", "1")), marked("c", nothing, fresh("0", "1"))}, Skip, ""},
		"it could not look":     {[]Boot{first, marked("c", prevented, fresh("0", "1"))}, Skip, ""},
		"of another series":     {[]Boot{first, marked("c", nothing, &Series{Nonce: "t", Boot: 3, Of: 3, Fresh: true})}, Skip, ""},
		"a mark of nobody here": {[]Boot{first, marked("c", "found dddddddd/1 -/0 poweroff; left removed", fresh("0", "1"))}, Pass, "does not show"},
	} {
		merged, err := MergeOf(c.boots...).By("rfc-v2")
		require.NoError(t, err)
		p, _ := merged.Point("FW-VAR-INSTANCE")
		require.Equal(t, c.want, p.Verdict, name)
		require.Contains(t, p.Found+p.Problem, c.text, name)
	}
	// What the firmware wrote into the image remains its failure.
	failed := marked("a", leftA, startedAs(1, "0", "1"))
	failed.Points[3].Verdict, failed.Points[3].Problem = Fail, "the firmware wrote into the image"
	merged, err := MergeOf(failed, marked("c", nothing, fresh("0", "1"))).By("rfc-v2")
	require.NoError(t, err)
	p, _ := merged.Point("FW-VAR-INSTANCE")
	require.Equal(t, "the firmware wrote into the image", p.Problem)
}

// Of what left no variable the consequence of a missing firmware is told.
func TestPersistWithoutUEFI(t *testing.T) {
	without := func(name string, boot int) Boot {
		b := marked(name, "found unknown; left refused: the guest was not booted through UEFI", startedAs(boot, "", ""))
		b.Points[0].Verdict = Fail
		return b
	}
	merged, err := MergeOf(without("a", 1), without("b", 2)).By("rfc-v2")
	require.NoError(t, err)
	p, _ := merged.Point("FW-VAR-PERSIST")
	require.Equal(t, Fail, p.Verdict)
	require.Equal(t, "FW-UEFI-BOOT", p.Follows)
}

// What was left out by a parameter stays so.
func TestPersistLeftOut(t *testing.T) {
	a, b := marked("a", "", startedAs(1, "0", "1")), marked("b", "", startedAs(2, "1", "2"))
	for _, boot := range []Boot{a, b} {
		for i := 1; i < 4; i++ {
			boot.Points[i].Reason = report.Skipped
		}
	}
	merged, err := MergeOf(a, b).By("rfc-v2")
	require.NoError(t, err)
	for _, p := range merged.Points[1:] {
		require.True(t, p.LeftOut(), p.ID)
	}
}

// allLives are boots of which a merge makes something, for the properties of a set.
func allLives() (boots []Boot) {
	i := 0
	for _, prefix := range []string{"", "boot 1 of 3 of x: ", "boot 2 of 3 of x: "} {
		for _, marks := range []string{leftA, resetA, foundA, foundReset, foundB, leftC, readOnly, prevented, nothing} {
			for _, host := range []*Series{nil, startedAs(1, "0", "1"), startedAs(2, "1", "2"), fresh("0", "1"), stopped(startedAs(1, "0", "1"))} {
				i++
				boots = append(boots, marked(fmt.Sprintf("b%d", i%17), prefix+marks, host))
			}
		}
	}
	return boots
}

func TestObserveReset(t *testing.T) {
	for reset, want := range map[string]Verdict{"": Skip, ResetCameBack: Pass, ResetEnded: Fail, ResetHung: Fail, "x": Skip} {
		r := withPoints("a", Point{ID: "PLAT-PSCI-RESET", Verdict: Skip, Reason: "needs-host"})
		require.NoError(t, r.Observe(&HostRun{Reset: reset}))
		require.Equal(t, want, r.Points[0].Verdict, reset)
	}
	require.True(t, Resets("[    3.403307] reboot: Restarting system"))
	require.False(t, Resets("[    3.403307] reboot: Power down"))
}

// A report before a reset has its part, and the host's judgement is of the last.
func TestTakePart(t *testing.T) {
	h := &HostRun{Nonce: "a", Off: true, Series: startedAs(1, "0", "1")}
	r := withPoints("a", Point{ID: "PLAT-PSCI-OFF", Verdict: Skip, Reason: "needs-host"})
	r.TakePart(h)
	r.TakePart(h)
	require.Equal(t, []string{"boot 1 of 3 of series s; store 0 before, 1 after; the VMM's process ended"}, r.Observed)
	require.Equal(t, Skip, r.Points[0].Verdict)
	require.Same(t, h.Series, r.series)
	r = withPoints("b")
	r.TakePart(h)
	require.Nil(t, r.series, "another run's")
}

// Records that say otherwise are told apart by their texts, on which a merge rests.
func TestSeriesString(t *testing.T) {
	seen := map[string]bool{}
	bios := startedAs(1, "0", "1")
	bios.Without = "-bios"
	other := startedAs(1, "0", "1")
	other.Nonce = "t"
	all := []*Series{startedAs(1, "0", "1"), startedAs(2, "0", "1"), startedAs(1, "1", "1"), startedAs(1, "0", "0"), fresh("0", "1"), stopped(startedAs(1, "0", "1")), bios, other, {Nonce: "s", Boot: 1, Of: 3}}
	for _, s := range all {
		seen[s.String()] = true
	}
	require.Len(t, seen, len(all))
}
