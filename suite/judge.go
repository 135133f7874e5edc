package suite

import (
	"fmt"
	"slices"

	"vmspec/probes"
)

// Verdict is what became of a requirement.
type Verdict string

const (
	Pass  Verdict = "pass"
	Fail  Verdict = "fail"
	Skip  Verdict = "skip"
	Error Verdict = "error"
)

// A Finding is a check's answer.
type Finding struct {
	Verdict Verdict
	Found   []string // what was seen
	Problem string   // what is wrong; the reason of a skip or an error
}

func pass(found ...string) Finding { return Finding{Verdict: Pass, Found: found} }

func fail(problem string, found ...string) Finding {
	return Finding{Verdict: Fail, Problem: problem, Found: found}
}

func unknown(problem string, found ...string) Finding {
	return Finding{Verdict: Error, Problem: problem, Found: found}
}

func skip(reason string) Finding { return Finding{Verdict: Skip, Problem: reason} }

// count writes a number of things, as people do.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Machine-readable reasons of a skip.
const (
	ReasonChosen   = "vmspec.skip"
	ReasonReadOnly = "vmspec.readonly"
	ReasonOwnGuest = "needs-own-guest" // to change something: in somebody else's the suite does not
	ReasonNoDevice = "no-device"       // there is nothing to judge
	ReasonNobody   = "nobody-answered" // where somebody was asked to type
	ReasonNoUEFI   = "no-uefi"         // the guest was not booted through UEFI
	ReasonNoACPI   = "no-acpi"         // the kernel does not run by ACPI
	ReasonNoTree   = "no-fdt"          // nor by a device tree
	ReasonNoGIC    = "no-gic"          // the description names no GIC

	// What of an image cannot be judged for want of something else in it.
	ReasonNoTable   = "no-gpt"
	ReasonNoESP     = "no-esp"
	ReasonNoFAT     = "no-fat"
	ReasonNoProgram = "no-boot-program"
	ReasonDamaged   = "damaged-fat" // not all its files can be seen
	ReasonBoot      = "needs-boot"  // a boot of the image would show it

	// What has no check, and why.
	ReasonUntested = "untested"       // not yet
	ReasonNoImage  = "needs-image"    // a disk image under test
	ReasonNoOS     = "needs-guest-os" // a guest OS under test: the suite's kernel is none
	ReasonTwoBoots = "needs-two-boots"
	ReasonHotplug  = "needs-hotplug" // someone who plugs while the guest runs
	ReasonAArch32  = "needs-aarch32" // a boot in the other execution state
	ReasonHost     = "needs-host"    // what only the VMM's side knows
)

// A Result is the verdict on one requirement by one profile.
type Result struct {
	Requirement
	Finding
	Clause Clause
}

// Missed tells whether the result is a failure that does not fail the run.
func (r Result) Missed() bool {
	return r.Verdict == Fail && r.Clause.Level != Must && r.Clause.Level != ""
}

// A Report is everything said of one guest.
type Report struct {
	Settings Settings
	Arch     string
	Results  []Result
	Others   []Result // what other profiles ask; without a clause
}

// Judge probes nothing: it runs the chosen requirements' checks on facts.
func Judge(facts *probes.Facts) Report {
	s := ParseSettings(nil)
	var arch string
	if facts.Kernel != nil {
		s, arch = ParseSettings(facts.Kernel.Parameters), facts.Kernel.Arch
	}
	return JudgeBy(s, arch, facts)
}

// JudgeBy judges with settings other than the guest's own.
func JudgeBy(s Settings, arch string, facts *probes.Facts) Report {
	return JudgeEach(s, arch, facts, func(string) error { return nil })
}

// JudgeEach is JudgeBy, and asks begin before each check: a requirement that
// begin answers with an error has the verdict error and is not checked.
func JudgeEach(s Settings, arch string, facts *probes.Facts, begin func(id string) error) Report {
	report := Report{Settings: s, Arch: arch}
	for _, r := range Catalogue() {
		if !s.wants(r.ID) {
			continue
		}
		finding := skip(ReasonChosen)
		if !slices.Contains(s.Skip, r.ID) {
			finding = r.judge(facts, begin)
		}
		clause, asked := r.Clauses.By(s.Profile)
		result := Result{Requirement: r, Finding: finding, Clause: clause}
		if asked {
			report.Results = append(report.Results, result)
		} else {
			report.Others = append(report.Others, result)
		}
	}
	return report
}

// judge answers error for everything that is not the subject's fault.
func (r Requirement) judge(facts *probes.Facts, begin func(id string) error) Finding {
	if r.Check == nil {
		return skip(r.Untested)
	}
	for _, need := range r.Needs {
		if err, failed := facts.Errors[need]; failed {
			return unknown(fmt.Sprintf("read %s: %s", need, err))
		}
	}
	f := r.checkSafely(facts, begin)
	if f.Verdict != Fail || len(r.Kernel) == 0 {
		return f
	}
	if facts.Kernel == nil {
		return unknown("read kernel: "+facts.Errors["kernel"], f.Found...)
	}
	for _, option := range r.Kernel {
		if lack := facts.Kernel.Lacks(option); lack != "" {
			return unknown(lack, f.Found...)
		}
	}
	return f
}

func (r Requirement) checkSafely(facts *probes.Facts, begin func(id string) error) (f Finding) {
	defer func() {
		if p := recover(); p != nil {
			f = unknown(fmt.Sprintf("check panicked: %v", p))
		}
	}()
	if err := begin(r.ID); err != nil {
		return unknown("check: " + err.Error())
	}
	return r.Check(facts)
}

// Conformance is the verdict on the whole.
type Conformance string

const (
	Conformant    Conformance = "conformant"
	NotConformant Conformance = "not-conformant"
	CouldNotTell  Conformance = "could-not-tell"
)

// ExitStatus is the conformance as programs return it: 0, 1 or 2.
func (c Conformance) ExitStatus() int {
	return slices.Index([]Conformance{Conformant, NotConformant, CouldNotTell}, c)
}

// Conclude returns the verdict on the whole, and how many of the musts it
// rests on. No platform answers for the kernel that ran on it: a report that
// judges a platform leaves the guest OS's points out, whatever became of them.
func (r Report) Conclude() (Conformance, string) {
	var failed, judged, open, errs int
	platform := slices.ContainsFunc(r.Results, func(res Result) bool { return res.Subject == Platform })
	for _, res := range r.Results {
		must := res.Clause.Level == Must
		if res.Clause.Level == Info || platform && res.Subject == GuestOS {
			continue // told, and not asked
		}
		switch {
		case res.Verdict == Error:
			errs++
			fallthrough
		case res.Verdict == Skip:
			if must {
				open++
			}
		case must:
			judged++
			if res.Verdict == Fail {
				failed++
			}
		}
	}
	text := fmt.Sprintf("%d of %d musts judged failed; %d not judged", failed, judged, open)
	switch {
	case failed > 0:
		return NotConformant, text
	case errs > 0 || judged == 0 || len(r.Settings.Problems) > 0:
		return CouldNotTell, text
	}
	return Conformant, text
}
