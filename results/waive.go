package results

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"vmspec/results/report"
)

// Disposition is what is done about a result. It changes no result.
type Disposition string

// Waived is a failure that somebody answers for, until a date: it does not count.
const Waived Disposition = "waived"

// A Waiver accepts that VMs do not meet a requirement.
type Waiver struct {
	Requirement string   `json:"requirement"`
	Selector    Selector `json:"selector"`
	Reason      string   `json:"reason"`
	Owner       string   `json:"owner"`
	Ticket      string   `json:"ticket"`
	Expires     string   `json:"expires"` // the last day, in UTC
	line        int      // in its file
}

// A Selector says which VMs a waiver is for. What is empty fits all.
type Selector struct {
	Platform string `json:"platform,omitempty"` // label
	Target   string `json:"target,omitempty"`
	Versions string `json:"versions,omitempty"` // such as ">=7.2 <8"
}

// A VM is what selectors choose by.
type VM struct {
	Platform string
	Targets  []string // one, or those of the boots of a platform
	Version  string   // of the hypervisor; empty if nobody said it
}

// Waivers are those of a file.
type Waivers struct {
	File string
	List []*Waiver
	used []use // of each of List
}

// A use is what became of a waiver.
type use struct {
	waived  bool
	passed  string // name of the report in which the requirement is met
	other   string // why the VM's result cannot be waived
	refused string // why the selector did not fit, the last time
}

// name is what a waiver is called in messages.
func (w *Waivers) name(i int) string {
	return fmt.Sprintf("%s:%d: %s", w.File, w.List[i].line, w.List[i].Requirement)
}

// Apply waives failures of a report: musts that failed, and recommendations that were
// missed. The results stay.
func (w *Waivers) Apply(r *Report, name string, vm VM) {
	if r == nil || r.Incomplete != nil || r.Outdated != "" {
		return
	}
	if w.used == nil {
		w.used = make([]use, len(w.List))
	}
	for i, waiver := range w.List {
		u := &w.used[i]
		if why := waiver.Selector.refuses(vm); why != "" {
			u.refused = why
			continue
		}
		p, ok := r.Point(waiver.Requirement)
		switch {
		case !ok:
			u.other = fmt.Sprintf("%s does not ask it by %s", name, r.Profile)
		case p.Verdict == Pass:
			u.passed = name
		case p.Verdict == Skip:
			u.other = fmt.Sprintf("it was not judged in %s: %s", name, p.Reason)
		case p.Verdict == Error:
			u.other = fmt.Sprintf("it could not be told in %s: %s", name, why(p))
		case p.Level == report.Info:
			u.other = "no text asks it: it counts for nothing"
		default:
			u.waived = true
			r.waive(waiver)
		}
	}
}

func (r *Report) waive(w *Waiver) {
	if r.waivers == nil {
		r.waivers = map[string]*Waiver{}
	}
	r.waivers[w.Requirement] = w
}

// WaiverOf returns the waiver of a requirement's failure; nil for none.
func (r *Report) WaiverOf(id string) *Waiver { return r.waivers[id] }

// Rotten says of each waiver that has no reason to be there what is wrong with it.
// What it waives may be met by some VMs, as long as it fails in another.
func (w *Waivers) Rotten() (wrong []string) {
	for i := range w.List {
		var u use
		if w.used != nil {
			u = w.used[i]
		}
		why := ""
		switch {
		case u.waived:
			continue
		case u.passed != "":
			why = u.passed + " meets it now: remove the waiver"
		case u.other != "":
			why = "it matches no failure: " + u.other
		default:
			why = "it matches no VM: " + cmp.Or(u.refused, "there is no whole report")
		}
		wrong = append(wrong, OneLine(w.name(i)+": "+why))
	}
	return wrong
}

// refuses says why a selector does not fit a VM; empty if it does.
func (s *Selector) refuses(vm VM) string {
	switch {
	case s.Platform != "" && s.Platform != vm.Platform:
		return fmt.Sprintf("the platform is %q, not %q", vm.Platform, s.Platform)
	case s.Target != "" && !slices.ContainsFunc(vm.Targets, func(t string) bool { return targetOf(t) == s.Target }):
		return fmt.Sprintf("the target is %q, not %q", strings.Join(vm.Targets, ", "), s.Target)
	case s.Versions == "":
		return ""
	case vm.Version == "":
		return fmt.Sprintf("it is for versions %s, and nobody said the VM's", s.Versions)
	}
	v, err := parseVersion(vm.Version)
	if err != nil {
		return err.Error()
	}
	bounds, err := parseVersions(s.Versions)
	if err != nil {
		return err.Error()
	}
	for _, b := range bounds {
		if !b.holds(v) {
			return fmt.Sprintf("version %s is not within %s", vm.Version, s.Versions)
		}
	}
	return ""
}

// targetOf is a target's name, also where it is that of a log.
func targetOf(name string) string { return strings.TrimSuffix(path.Base(name), ".log") }

// expired tells whether the last day is over.
func (w *Waiver) expired(now time.Time) bool {
	last, err := time.Parse(time.DateOnly, w.Expires)
	return err != nil || !now.UTC().Before(last.AddDate(0, 0, 1))
}

// Describe says who answers for a failure, and why.
func (w *Waiver) Describe() string {
	return fmt.Sprintf("by %s until %s, %s: %s", w.Owner, w.Expires, w.Ticket, w.Reason)
}

// counted is the report as if what is waived were met, for conclusions.
func (r *Report) counted() *report.Report {
	if len(r.waivers) == 0 {
		return &r.Report
	}
	out := r.Report
	out.Points = slices.Clone(r.Points)
	for i := range out.Points {
		if r.waived(out.Points[i]) {
			out.Points[i].Verdict = Pass
		}
	}
	return &out
}

func (r *Report) waived(p Point) bool { return r.waiverOf(p) != nil }

// waiverOf is by which a point's failure does not count; nil for none.
func (r *Report) waiverOf(p Point) *Waiver {
	if p.Verdict != Fail {
		return nil
	}
	return r.waivers[p.ID]
}

func describe(w *Waiver) string {
	if w == nil {
		return ""
	}
	return w.Describe()
}

// waivedOf lists the IDs of a party's musts that are waived, or of its
// recommendations.
func (r *Report) waivedOf(party report.Party, must bool) (ids []string) {
	for _, p := range r.Points {
		if p.Party() == party && p.Level != report.Info && p.Must() == must && r.waived(p) {
			ids = append(ids, p.ID)
		}
	}
	return ids
}

// waivedText counts what of a party is waived; empty for nothing.
func (r *Report) waivedText(party report.Party) string {
	ids := append(r.waivedOf(party, true), r.waivedOf(party, false)...)
	if len(ids) == 0 {
		return ""
	}
	return fmt.Sprintf("%d waived (%s)", len(ids), names(ids))
}
