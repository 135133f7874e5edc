package results

import (
	"slices"
	"strings"

	"vmspec/results/report"
)

// A provisional is a report that its guest gave before a trial that the VM might
// not survive. Until its final report is there it is the guest's last word.
type provisional struct {
	points []Point // as the guest judged them, before the VM's end
	doing  string  // what its guest last said that it was doing
	ended  bool    // its guest wrote the final report to its end
}

// Provisional tells whether the report is the one that its guest gave before a
// trial, and there is no final one.
func (r *Report) Provisional() bool { return r.Stopped != "" }

// GoOn says how to go on without the trial in which the VM stopped; empty if that is
// not known.
func (r *Report) GoOn() string {
	if len(r.Without) == 0 {
		return ""
	}
	return "to go on without it: --append vmspec.skip=" + strings.Join(r.Without, ",")
}

// HasProvisional tells whether the last report so far is provisional.
func (p *Parser) HasProvisional() bool { return p.whole != nil && p.whole.early != nil }

// stage reads the set's stage of a provisional report.
func (s *frameSet) stage() (*Report, error) {
	data, err := report.Unframe(s.texts())
	if err != nil {
		return nil, err
	}
	r, err := report.UnpackStage(data)
	return &Report{Report: r}, err
}

// takeProvisional takes a complete set of a stage's frames.
func (p *Parser) takeProvisional(set *frameSet) {
	r, err := set.stage()
	if err != nil || r.Nonce != set.nonce || !p.wanted(r.Nonce) {
		return
	}
	from := set.from.source
	if set.mixed {
		from = source{}
	}
	known := p.sameBoot(r.Nonce, from, set.level)
	switch {
	case known != nil && known.early != nil:
		known.take(set.kind, r)
	case known == nil && report.Stage(set.kind) == 1:
		r.First, r.Last = set.from.at, p.at
		if !set.mixed {
			r.Prefix = set.from.prefix
		}
		r.early = &provisional{points: r.Points, doing: p.doing}
		r.stop()
		p.found(r, from, set.level)
	}
}

// take takes an update. A repeated first stage changes nothing.
func (r *Report) take(kind string, update *Report) {
	if report.Stage(kind) > 1 {
		early := report.Report{Points: r.early.points}
		early.Update(update.Points)
	}
}

// sameBoot returns the report of a boot: of that nonce and source, if no other boot
// began behind it.
func (p *Parser) sameBoot(nonce string, from source, l level) *Report {
	for _, r := range slices.Backward(p.reports) {
		if r.Nonce == nonce && !p.rebooted(r, p.at) && (l == anySource || r.Source == from.String()) {
			return r
		}
	}
	return nil
}

// rebooted tells whether a boot of a report's source began between the report and
// a line.
func (p *Parser) rebooted(r *Report, at LineNumber) bool {
	return len(p.traces) == maxTraces || slices.ContainsFunc(p.traces, func(t Trace) bool {
		prefixed, same := r.source.writes(t.Text)
		return t.begun == nil && Boots(t.Text) && r.First < t.At && t.At < at && (same || !prefixed)
	})
}

// replaces tells whether a whole report is the final one of a provisional report.
func (p *Parser) replaces(r, early *Report) bool {
	if early.early == nil || early.Nonce != r.Nonce || p.rebooted(early, r.First) {
		return false
	}
	return early.Source == r.Source || early.source.shape == nil || r.source.shape == nil
}

// follow notes what guests with a provisional report say that they do. A line
// without a prefix belongs to the last of them.
func (p *Parser) follow(line string, note func(*provisional)) {
	for _, r := range slices.Backward(p.reports) {
		if r.early == nil {
			continue
		}
		prefixed, same := r.source.writes(line)
		if (same || !prefixed) && !p.rebooted(r, p.at) {
			note(r.early)
			return
		}
	}
}

// settle concludes from provisional reports, as long as nothing replaces them.
func (p *Parser) settle() {
	for _, r := range p.reports {
		if r.early != nil {
			r.stop()
		}
	}
}

// stop lets the report say where its VM stopped.
func (r *Report) stop() {
	r.Points = slices.Clone(r.early.points)
	r.Stop(r.early.where())
	r.Lines = r.TAP()
}

// where says where the VM stopped: "in trial disks".
func (e *provisional) where() string {
	switch {
	case e.ended:
		return "after its report, which is not whole"
	case e.doing == "":
		return "after its provisional report"
	case e.doing == writing:
		return "while it wrote its report"
	case InTrial(e.doing):
		return "in " + e.doing
	}
	return "after \"" + e.doing + "\""
}

// writing is the step of a guest that has begun its report.
const writing = "writing its report"

// InTrial tells whether a guest's suite said last that it makes a trial, or calls a
// runtime service of UEFI. It would have said the end of these.
func InTrial(said string) bool {
	return strings.HasPrefix(said, "trial ") || strings.Contains(said, " UEFI ")
}

// explains tells whether a line behind a provisional report is of the same boot: a
// symptom of the VM, or the beginning of the final report.
func (p *Parser) explains(r *Report, t Trace) bool {
	if r.early == nil || t.At < r.First || p.rebooted(r, t.At) || t.begun == nil && Boots(t.Text) {
		return false
	}
	prefixed, same := r.source.writes(t.Text)
	return same || !prefixed
}
