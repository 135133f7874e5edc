package suite

import (
	"cmp"
	"fmt"
	"slices"

	"vmspec/probes"
	"vmspec/results/report"
)

// Verdict is what became of a requirement, in the words of a report.
type Verdict = report.Verdict

const (
	Pass  = report.Pass
	Fail  = report.Fail
	Skip  = report.Skip
	Error = report.Error
)

// A Finding is a check's answer.
type Finding struct {
	Verdict Verdict
	Found   []string // what was seen
	Problem string   // what is wrong; the reason of a skip or an error
	Follows string   // ID of the requirement whose failure explains this one
	Fix     string   // what to do about this failure, where that is not the requirement's own
}

func pass(found ...string) Finding { return Finding{Verdict: Pass, Found: found} }

func fail(problem string, found ...string) Finding {
	return Finding{Verdict: Fail, Problem: problem, Found: found}
}

// failSince fails a requirement because the one with that ID is not met.
func failSince(id, problem string, found ...string) Finding {
	return Finding{Verdict: Fail, Problem: problem, Found: found, Follows: id}
}

func unknown(problem string, found ...string) Finding {
	return Finding{Verdict: Error, Problem: problem, Found: found}
}

func skip(reason string) Finding { return Finding{Verdict: Skip, Problem: reason} }

// count writes a number of things: "1 CPU", "2 CPUs".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Reasons of a skip, for programs to read.
const (
	ReasonChosen   = report.Skipped
	ReasonReadOnly = "vmspec.readonly"
	ReasonOwnGuest = report.NeedsOwnGuest  // the suite changes nothing in a guest that it did not boot
	ReasonNoDevice = "no-device"           // there is nothing to judge
	ReasonNobody   = report.NobodyAnswered // somebody was asked to type
	ReasonNoAct    = report.HostDidNotAct  // somebody was asked to plug, to unplug or to pause
	ReasonNoUEFI   = "no-uefi"             // the guest was not booted through UEFI
	ReasonNoTree   = "no-fdt"              // the guest has no device tree
	ReasonNoGIC    = "no-gic"              // the description names no GIC

	// Something else in the image is missing.
	ReasonNoTable   = "no-gpt"
	ReasonNoESP     = "no-esp"
	ReasonNoFAT     = "no-fat"
	ReasonNoProgram = "no-boot-program"
	ReasonDamaged   = "damaged-fat"    // not all its files can be seen
	ReasonCut       = "cut-disk"       // the image's file ends before its table does
	ReasonBoot      = report.NeedsBoot // a boot of the image would show it

	// The requirement has no check, or none for this guest.
	ReasonNoImage  = report.NeedsImage   // a disk image under test
	ReasonGuessed  = report.GuessedDisk  // nothing says that the guest was booted from the disk
	ReasonNoOS     = report.NeedsGuestOS // a guest OS under test: the suite's kernel does not count
	ReasonTwoBoots = report.NeedsTwoBoots
	ReasonTwoVMs   = report.NeedsTwoVMs
	ReasonHotplug  = report.NeedsHotplug    // somebody who plugs while the guest runs
	ReasonOwnImage = report.NeedsImageCheck // the OS's own image: the command line of a running guest is its VM's
	ReasonAArch32  = report.NeedsAArch32    // a boot in the other execution state
	ReasonHost     = report.NeedsHost       // only the VMM's side knows
	ReasonReboot   = report.NeedsReboot     // a boot that ends in a reboot
)

// A Result is the verdict on one requirement by one profile.
type Result struct {
	Requirement
	Finding
	Clause Clause
}

// A Judgement is the verdict on one guest by one profile.
type Judgement struct {
	Settings Settings
	Arch     string
	Results  []Result
	Others   []Result     // what other profiles ask; without a clause
	Seen     *report.Seen // nil if no platform is judged
}

// Judge runs the checks of the chosen requirements on facts, with the guest's own
// settings.
func Judge(facts *probes.Facts) Judgement {
	s, arch := SettingsOf(facts)
	return JudgeBy(s, arch, facts)
}

// SettingsOf returns the guest's own settings, and its architecture as Go names
// it.
func SettingsOf(facts *probes.Facts) (s Settings, arch string) {
	if facts.Kernel == nil {
		return ParseSettings(nil), ""
	}
	return ParseSettings(facts.Kernel.Parameters), facts.Kernel.Arch
}

// JudgeBy judges with settings other than the guest's own.
func JudgeBy(s Settings, arch string, facts *probes.Facts) Judgement {
	return JudgeEach(s, arch, facts, func(string) error { return nil })
}

// JudgeEach is JudgeBy, and calls begin before each check. If begin returns an
// error, the check does not run, and the verdict is error.
func JudgeEach(s Settings, arch string, facts *probes.Facts, begin func(id string) error) Judgement {
	j := Judgement{Settings: s, Arch: arch}
	if s.concerns(Platform) {
		j.Seen = seen(facts)
	}
	for _, r := range Catalogue() {
		if !s.wants(r.ID) || !s.concerns(r.Subject) {
			continue
		}
		finding := skip(ReasonChosen)
		if !slices.Contains(s.Skip, r.ID) {
			finding = r.judge(facts, begin)
		}
		clause, asked := r.Clauses.By(s.Profile)
		result := Result{Requirement: r, Finding: finding, Clause: clause}
		if asked {
			j.Results = append(j.Results, result)
		} else {
			j.Others = append(j.Others, result)
		}
	}
	j.follow()
	return j
}

// follow says of each failure whether another explains it.
func (j Judgement) follow() {
	failed := map[string]bool{}
	for _, results := range [][]Result{j.Results, j.Others} {
		for _, r := range results {
			failed[r.ID] = r.Finding.Verdict == Fail
		}
	}
	for _, results := range [][]Result{j.Results, j.Others} {
		for i := range results {
			r := &results[i]
			if r.Follows = cmp.Or(r.Follows, r.RestsOn); r.Finding.Verdict != Fail || !failed[r.Follows] {
				r.Follows = ""
			}
		}
	}
}

// judge checks the requirement. What is not the subject's fault is an error.
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
