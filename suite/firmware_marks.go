package suite

import (
	"strings"

	"vmspec/probes"
	"vmspec/probes/efi"
	"vmspec/results/report"
)

// checkMarks says which mark the boot found, and which it left. Boots that are merged
// decide by that whether variables persist.
func checkMarks(f *probes.Facts) Finding {
	e := f.EFI
	switch {
	case whyNotTried(f) != "":
		return skip(whyNotTried(f))
	case e.Mark == nil && e.MarkErr == "" && e.Booted:
		return skip(ReasonTwoBoots) // captured before there were marks
	}
	m := marks(f)
	if e.MarkErr != "" && m.Nothing != report.MarkRefused {
		return unreadable(e.MarkErr)
	}
	finding := skip(ReasonTwoBoots)
	finding.Found = []string{m.String()}
	return finding
}

// marks are those of the guest, and why it left none.
func marks(f *probes.Facts) report.Marks {
	series, _ := parseSeries(f.Kernel.Parameters["series"]) // a wrong one is told with the report
	m := report.Marks{Series: series.Nonce, Boot: series.Boot, Of: series.Of, None: report.MarkUnknown}
	n := f.EFI.Mark
	if n == nil {
		n = &efi.MarkNote{}
	}
	switch {
	case n.Found != nil:
		m.None, m.Found = "", (*report.BootMark)(n.Found)
	case n.Read == "absent":
		m.None = report.MarkNone
	case n.Read == "foreign":
		m.None = report.MarkForeign
	}
	switch {
	case n.Left != nil:
		m.Left = (*report.BootMark)(n.Left)
	case series.Last() && n.Remove == "ok":
		m.Nothing = report.MarkRemoved
	case series.Last() && n.Read == "absent":
		m.Nothing = report.MarkNothing
	default:
		m.Nothing, m.Why = whyNoMark(f, n)
	}
	return m
}

// whyNoMark says whether the platform refused the mark.
func whyNoMark(f *probes.Facts, n *efi.MarkNote) (word report.MarkWord, why string) {
	if lack := f.Kernel.Lacks("CONFIG_EFI"); !f.EFI.Booted && lack != "" {
		return report.MarkPrevented, lack
	}
	switch v := checkVariables(f); v.Verdict {
	case Fail:
		return report.MarkRefused, v.Problem
	case Error:
		return report.MarkPrevented, v.Problem
	}
	step, result := "write", n.Write
	if n.Write == "" {
		step, result = "remove", n.Remove
	}
	if result == "" || isLocalError(result) || strings.HasPrefix(result, "ENOSPC ") {
		return report.MarkPrevented, step + ": " + result
	}
	return report.MarkRefused, step + ": " + result
}
