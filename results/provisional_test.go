package results

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/results/report"
)

// early is what a guest reports before its trials: one must is met, and others
// rest on trials.
func early() *report.Report {
	return &report.Report{
		Head:     report.Head{Version: "0.1.0", Catalogue: "5d0c1e77", Profile: "rfc-v2", Arch: "arm64", Nonce: "7f3a9c21"},
		Appendix: &report.Appendix{Profiles: []string{"rfc-v2"}},
		Points: []report.Point{
			{Number: 1, ID: "PLAT-GIC", Title: "The GIC works", Verdict: Pass, Level: report.Must, Found: "GICv3"},
			{Number: 2, ID: "FW-RTC", Title: "The clock runs", Verdict: Error, Level: report.Must, Reason: report.NotYet},
			{Number: 3, ID: "PLAT-BLOCK-READ", Title: "Disks can be read", Verdict: Error, Level: report.Info, Reason: report.NotYet},
		},
	}
}

// updated is the point of an update.
func updated(id string, v Verdict, l report.Level) *report.Report {
	r := early()
	r.Points = []report.Point{{Number: 1, ID: id, Verdict: v, Level: l, Problem: "of " + id}}
	return r
}

// lastReport is the report of the same guest.
func lastReport() []string {
	r := early()
	for i := range r.Points {
		r.Points[i].Verdict, r.Points[i].Reason = Pass, ""
	}
	return r.Wire(1)
}

const (
	kernelStarts = "[    0.000000] Booting Linux on physical CPU 0x0000000000 [0x411fd070]"
	disksTrial   = "# vmspec: trial disks"
	clockBegins  = "# vmspec: trial clock: UEFI GetTime"
)

func join(parts ...[]string) []string {
	var out []string
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

// verdicts are a report's, with the reasons of errors.
func verdicts(r *Report) string {
	var out []string
	for _, p := range r.Points {
		text := p.ID + " " + string(p.Verdict)
		if p.Reason != "" {
			text += " (" + p.Reason + ")"
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}

func TestProvisional(t *testing.T) {
	first := early().Provisional(1)
	passed := updated("PLAT-BLOCK-READ", Pass, report.Info).Provisional(2)
	failed := updated("FW-RTC", Fail, report.Must).Provisional(3)
	const inDisks = "PLAT-GIC pass, FW-RTC error (the VM stopped in trial disks), PLAT-BLOCK-READ error (the VM stopped in trial disks)"
	const inClock = "PLAT-GIC pass, FW-RTC error (the VM stopped in trial clock: UEFI GetTime), PLAT-BLOCK-READ pass"
	const all = "PLAT-GIC pass, FW-RTC pass, PLAT-BLOCK-READ pass"
	for name, c := range map[string]struct {
		log     []string
		stopped string
		want    string
		verdict Conformance
	}{
		"before the first trial's end": {join(first, []string{disksTrial}), "in trial disks", inDisks, CouldNotTell},
		"a panic in it":                {join(first, []string{disksTrial, "[    3.1] Kernel panic - not syncing: x"}), "in trial disks", inDisks, CouldNotTell},
		"before any":                   {first, "after its provisional report", "PLAT-GIC pass, FW-RTC error (the VM stopped after its provisional report), PLAT-BLOCK-READ error (the VM stopped after its provisional report)", CouldNotTell},
		"behind one":                   {join(first, []string{disksTrial}, passed, []string{clockBegins}), "in trial clock: UEFI GetTime", inClock, CouldNotTell},
		"twice, by two consoles":       {join(first, first, []string{disksTrial}, passed, passed, []string{clockBegins}), "in trial clock: UEFI GetTime", inClock, CouldNotTell},
		"an update lost": {join(first, []string{disksTrial}, failed, []string{"# vmspec: trial offline"}), "in trial offline",
			"PLAT-GIC pass, FW-RTC fail, PLAT-BLOCK-READ error (the VM stopped in trial offline)", NotConformant},
		"behind a prefix": {prefixed("vm1-1  | ", join(first, []string{disksTrial}, passed, []string{clockBegins})), "in trial clock: UEFI GetTime", inClock, CouldNotTell},
		"another VM's words": {join(prefixed("vm1-1  | ", join(first, []string{disksTrial})), prefixed("vm2-1  | ", []string{clockBegins})), "in trial disks",
			inDisks, CouldNotTell},
		"in its report":                     {join(first, []string{disksTrial}, lastReport()[:3]), "while it wrote its report", strings.ReplaceAll(inDisks, "in trial disks", "while it wrote its report"), CouldNotTell},
		"the final report":                  {join(first, []string{disksTrial}, passed, lastReport()), "", all, Conformant},
		"the final one by its frames alone": {join(first, []string{disksTrial}, lastReport()[len(lastReport())-len(early().Frames()):]), "", all, Conformant},
		"once more behind the final report": {join(first, lastReport(), first), "", all, Conformant},
		"a damaged one, and the final":      {join(first[1:], []string{disksTrial}, lastReport()), "", all, Conformant},
		"of a later boot": {join([]string{kernelStarts}, first, lastReport(), []string{kernelStarts}, first, []string{disksTrial}), "in trial disks",
			inDisks, CouldNotTell},
		"of an earlier boot": {join([]string{kernelStarts}, first, []string{disksTrial, kernelStarts}, first, passed, lastReport()), "", all, Conformant},
		"of an earlier boot, its update lost": {join([]string{kernelStarts}, first, passed, []string{kernelStarts}, first, []string{disksTrial}), "in trial disks",
			inDisks, CouldNotTell},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := Parse(strings.NewReader(strings.Join(c.log, "\n")+"\n"), "")
			require.NoError(t, err)
			require.NoError(t, r.Incomplete)
			require.Equal(t, c.want, verdicts(r))
			require.Equal(t, c.stopped, r.Stopped)
			require.Equal(t, c.stopped != "", r.Provisional())
			verdict, text := r.Conclude(false)
			require.Equal(t, c.verdict, verdict, text)
			require.Equal(t, c.stopped != "", strings.Contains(r.Sentence(false), "the report is provisional: the VM stopped "+c.stopped))
			again, err := Parse(strings.NewReader(strings.Join(r.Lines, "\n")+"\n"), "")
			require.NoError(t, err)
			require.NoError(t, again.Incomplete, "what is printed of it can be read again")
			require.Equal(t, []string{verdicts(r), r.Stopped}, []string{verdicts(again), again.Stopped})
		})
	}
}

func prefixed(prefix string, lines []string) (out []string) {
	for _, line := range lines {
		out = append(out, prefix+line)
	}
	return out
}

// No point that only the end of the VM leaves open makes it conformant.
func TestProvisionalIsNeverConformant(t *testing.T) {
	r := early()
	r.Points = append(r.Points[:1], r.Points[2])
	got, err := Parse(strings.NewReader(strings.Join(append(r.Provisional(1), disksTrial), "\n")+"\n"), "")
	require.NoError(t, err)
	for _, strict := range []bool{false, true} {
		verdict, _ := got.Conclude(strict)
		require.Equal(t, CouldNotTell, verdict)
	}
	require.Equal(t, CouldNotTell, got.Verdict)
	_, err = got.By("v1.0")
	require.ErrorContains(t, err, "knows only rfc-v2")
}

func TestProvisionalOfAnotherNonce(t *testing.T) {
	_, err := Parse(strings.NewReader(strings.Join(early().Provisional(1), "\n")+"\n"), "other")
	require.ErrorIs(t, err, ErrNoReport)
}

func TestProvisionalDamaged(t *testing.T) {
	frames := early().Provisional(1)
	require.Greater(t, len(frames), 1)
	r, err := Parse(strings.NewReader(strings.Join(append(frames[1:], disksTrial), "\n")+"\n"), "")
	require.NoError(t, err)
	require.ErrorContains(t, r.Incomplete, "of its provisional report's")
	// The data of a frame may be cut where others wrote.
	broken := append([]string{frames[0][:60], frames[0][60:]}, frames[1:]...)
	r, err = Parse(strings.NewReader(strings.Join(broken, "\n")+"\n"), "")
	require.NoError(t, err)
	require.NoError(t, r.Incomplete)
}

// The list of a log's reports has the boots that stopped.
func TestProvisionalAmongReports(t *testing.T) {
	p := Parser{}
	for _, line := range join([]string{kernelStarts}, early().Provisional(1), []string{disksTrial, kernelStarts}, lastReport()) {
		p.Line(line)
	}
	reports, traces := p.Reports()
	require.Empty(t, traces)
	require.Len(t, reports, 2)
	require.Equal(t, "in trial disks", reports[0].Stopped)
	require.Equal(t, []int{1, 2}, []int{reports[0].Boot, reports[1].Boot})
	require.Equal(t, reports[1:], LastBoots(reports))
}

// FuzzProvisional: whatever becomes of a log's lines, a verdict is the true one, or
// none is given.
func FuzzProvisional(f *testing.F) {
	log := join([]string{kernelStarts}, early().Provisional(1), []string{disksTrial}, updated("FW-RTC", Pass, report.Must).Provisional(2), lastReport())
	f.Add(uint64(1), 0)
	f.Add(uint64(2), 5)
	f.Fuzz(func(t *testing.T, seed uint64, cuts int) {
		random := rand.New(rand.NewPCG(seed, seed))
		lines := append([]string(nil), log...)
		for range max(0, cuts) % 8 {
			at := random.IntN(len(lines))
			switch line := lines[at]; random.IntN(3) {
			case 0:
				lines[at] = ""
			case 1:
				lines[at] = line[:random.IntN(len(line)+1)]
			default:
				lines = lines[:at+1]
			}
		}
		r, err := Parse(strings.NewReader(strings.Join(lines, "\n")+"\n"), "")
		if err != nil {
			require.ErrorIs(t, err, ErrNoReport)
			return
		}
		verdict, _ := r.Conclude(false)
		require.NotEqual(t, NotConformant, verdict)
		if verdict == Conformant {
			require.Equal(t, "PLAT-GIC pass, FW-RTC pass, PLAT-BLOCK-READ pass", verdicts(r))
		}
	})
}
