// Package suite is the ARM VM System Specification as data, and judgement by
// it: a catalogue of requirements, each with a check that takes facts and
// touches nothing.
//
// A verdict has four values. A check that found what is asked passes; one that
// found otherwise fails. What does not apply is skipped, with a reason that a
// machine can read. Error means that we could not tell: a subject could not be
// read, the kernel lacks what is needed to see it, or the check itself broke.
// It is never the platform's fault.
//
// A must that fails makes a platform not conformant, but for what the guest OS
// owes: that is judged beside it. A should or a
// recommendation that fails is missed: shown, and no more. What no text asks
// has the level info: it is told, and counts for nothing.
//
// A requirement is a literal in the slice of its chapter: images, firmware,
// description, platform, guestOS, and for what is only told beyond, devices,
// exchange, trials and trees.
// It points at a sentence of each text that asks it; testdata/clauses.tsv lists
// the sentences, and a test holds one against the other. One without a check
// says why, as a reason for programs: what a guest cannot judge alone in one
// boot is in the catalogue all the same.
package suite

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"vmspec/probes"
)

// Version is the suite's, by semantic versioning.
const Version = "0.1.0"

// Level is how strongly the specification asks, in its own words.
type Level string

// The levels, strongest first. Info is ours: told, not asked.
const (
	Must                Level = "must"
	Should              Level = "should"
	StronglyRecommended Level = "strongly-recommended"
	Recommended         Level = "recommended"
	May                 Level = "may"
	Info                Level = "info"
)

// Subject is who owes a requirement.
type Subject string

// The three parties of the specification.
const (
	Platform Subject = "platform" // hypervisor and firmware
	Image    Subject = "image"    // the disk image
	GuestOS  Subject = "guest-os" // the kernel and its drivers
)

// Kind is what a pass rests on.
type Kind string

const (
	Evidence   Kind = "evidence"   // something says so
	Functional Kind = "functional" // we made it happen
)

// Profile is a published text of the specification.
type Profile string

// The profiles; RFCv2 is the default.
const (
	RFCv2 Profile = "rfc-v2"
	V10   Profile = "v1.0"
	V20   Profile = "v2.0"
)

// Profiles lists the profiles by age.
func Profiles() []Profile { return []Profile{RFCv2, V10, V20} }

// A Clause is one normative sentence of a profile: its section, its number
// among the section's normative sentences and list items, and its level.
type Clause struct {
	Level   Level
	Section string
	Number  int
}

// String names the clause within a profile: "Virtual Firmware 1". It is empty
// for what no sentence asks.
func (c Clause) String() string {
	if c.Level == Info {
		return ""
	}
	return fmt.Sprintf("%s %d", c.Section, c.Number)
}

// Clauses are what each text says of a requirement. They are no map, so that
// the catalogue is laid out when a guest is built and not at its every start.
type Clauses struct{ RFCv2, V10, V20 Clause }

// By returns a profile's clause, and whether it asks the requirement at all.
func (c Clauses) By(p Profile) (clause Clause, asked bool) {
	switch p {
	case RFCv2:
		clause = c.RFCv2
	case V10:
		clause = c.V10
	case V20:
		clause = c.V20
	}
	return clause, clause.Level != ""
}

// A Requirement is one thing that the specification asks for.
type Requirement struct {
	ID      string // for ever
	Title   string // what holds when it is met; no "#"
	Subject Subject
	Kind    Kind
	Clauses Clauses
	Needs   []string // subjects of probes.Facts that the check looks at
	Kernel  []string // options without which a kernel cannot see it
	Check   func(*probes.Facts) Finding
	// Untested is why there is no check: a reason for machines to read.
	Untested string
	Fix      string   // one sentence to the person who must repair it
	Refs     []string // rules of other documents that match
}

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

// Catalogue lists all requirements, in the order of the specification.
func Catalogue() []Requirement {
	return slices.Concat(
		images, firmware, description, descriptionComplete,
		platform, platformConsole, platformGIC, platformTimer, platformHotplug, guestOS,
		beyondFirmware, beyondTree, beyondCPU, beyondMemory, beyondTimer, beyondConsole, beyondPCI, beyondVirtio, beyondDevice, beyondXen,
	)
}

// Find returns the requirement of that ID.
func Find(id string) (Requirement, bool) {
	for _, r := range Catalogue() {
		if r.ID == id {
			return r, true
		}
	}
	return Requirement{}, false
}

// CatalogueHash identifies what the requirements ask, as eight hexadecimal
// digits: two reports with the same hash were judged by the same catalogue.
func CatalogueHash() string {
	var text strings.Builder
	for _, r := range Catalogue() {
		for _, part := range []string{r.ID, r.Title, string(r.Subject), string(r.Kind), r.Untested} {
			text.WriteString(part + "\n")
		}
		for _, p := range Profiles() {
			clause, _ := r.Clauses.By(p)
			text.WriteString(string(clause.Level) + " " + clause.String() + "\n")
		}
	}
	hash := sha256.Sum256([]byte(text.String()))
	return hex.EncodeToString(hash[:])[:8]
}

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

// Settings are the suite's parameters: vmspec.profile and so on.
type Settings struct {
	Profile  Profile
	Only     []string // judge these only; all if empty
	Skip     []string
	After    string // "poweroff", "reboot" or "halt"
	ReadOnly bool   // change nothing, not even for a moment
	Nonce    string // repeated in the report, to tell it from an older one
	Frames   int    // how often the report goes out once more, in frames
	Capture  string // how the captured guest leaves: by its "port", by the "console" or "none"
	Problems []string
}

// MaxNonce is the longest nonce, in bytes, for which the end line fits.
const MaxNonce = 16

// ParseSettings reads the parameters, without their prefix "vmspec.". One that
// is wrong is left at its default and named in Problems.
func ParseSettings(p map[string]string) Settings {
	s := Settings{Profile: RFCv2, After: "poweroff", Frames: 2, Capture: "port"}
	for name, value := range p {
		if problem := s.set(name, value); problem != "" {
			s.Problems = append(s.Problems, fmt.Sprintf("vmspec.%s=%s: %s", name, value, problem))
		}
	}
	slices.Sort(s.Problems)
	return s
}

func (s *Settings) set(name, value string) (problem string) {
	switch name {
	case "profile":
		if !slices.Contains(Profiles(), Profile(value)) {
			return fmt.Sprintf("the profiles are %v", Profiles())
		}
		s.Profile = Profile(value)
	case "only":
		s.Only, problem = parseIDs(value)
	case "skip":
		s.Skip, problem = parseIDs(value)
	case "after":
		if !slices.Contains([]string{"poweroff", "reboot", "halt"}, value) {
			return "poweroff, reboot or halt"
		}
		s.After = value
	case "readonly":
		s.ReadOnly = isOn(value)
	case "nonce":
		if len(value) > MaxNonce || strings.Trim(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != "" {
			return fmt.Sprintf("at most %d letters, digits, dashes and underscores", MaxNonce)
		}
		s.Nonce = value
	case "frames":
		if !slices.Contains([]string{"0", "1", "2"}, value) {
			return "0, 1 or 2"
		}
		s.Frames = int(value[0] - '0')
	case "capture":
		if !slices.Contains([]string{"port", "console", "none"}, value) {
			return "port, console or none"
		}
		s.Capture = value
	default:
		return "no such parameter"
	}
	return problem
}

// isOn tells what a switch among the parameters means by its value.
func isOn(value string) bool { return value != "0" }

func parseIDs(list string) (ids []string, problem string) {
	for id := range strings.SplitSeq(list, ",") {
		if _, ok := Find(id); !ok {
			problem = fmt.Sprintf("no requirement %q", id)
			continue
		}
		ids = append(ids, id)
	}
	return ids, problem
}

// Chosen tells whether the requirement is to be judged: vmspec.only may leave
// it out, and vmspec.skip.
func (s Settings) Chosen(id string) bool { return s.wants(id) && !slices.Contains(s.Skip, id) }

func (s Settings) wants(id string) bool { return len(s.Only) == 0 || slices.Contains(s.Only, id) }
