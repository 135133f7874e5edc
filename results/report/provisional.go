package report

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A provisional report is what a guest knows before a trial that the VM may not
// survive. It goes out in frames alone, so that TAP consumers see one report,
// and the final report replaces it. Its points are brief: what the catalogue says
// of them (title, clause, kind and fix) is left out. One that rests on a trial
// that has not ended is an error for the reason NotYet.
//
// An update follows when a trial has ended. It has the points that rest on that
// trial. The first stage is the provisional report, and each update is a stage of
// its own, so that the frames of two cannot be mixed up.

// NotYet is the reason of a point that rests on a trial that has not ended.
const NotYet = "not judged yet"

// MaxStages is how many stages there may be: the provisional report and its updates.
const MaxStages = 15

// stageKind is the kind of the frames of a stage: "p1" to "pf".
func stageKind(stage int) string { return fmt.Sprintf("p%x", stage) }

// Stage returns the stage that frames of a kind carry; 0 for none.
func Stage(kind string) int {
	if len(kind) != 2 || kind[0] != 'p' {
		return 0
	}
	return max(0, strings.IndexByte("0123456789abcdef", kind[1]))
}

// Provisional returns the frames of a stage: the report, or what changed of it.
func (r *Report) Provisional(stage int) []string {
	lines := []string{planLine(len(r.Points)), r.Head.line()}
	for _, problem := range r.Problems {
		lines = append(lines, parameterLine(problem))
	}
	lines = append(lines, r.Choice.lines()...)
	for _, p := range r.Points {
		p.Title, p.Clause, p.Kind, p.Fix = "", "", "", ""
		lines = append(lines, p.lines()...)
	}
	lines = append(lines, endOf(lines, len(r.Points), r.Nonce).line())
	return frame(stageKind(stage), r.Nonce, pack(strings.Join(lines, "\n")+"\n"))
}

// UnpackStage reads the data of a stage's frames.
func UnpackStage(data []byte) (Report, error) {
	text, err := unpack(data)
	if err != nil {
		return Report{}, err
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	last := len(lines) - 1
	end, ok := ParseEnd(lines[last])
	if !ok || slices.ContainsFunc(lines[:last], isForeign) {
		return Report{}, errNotWhole
	}
	r, err := Parse(lines[:last], end)
	if err != nil {
		return Report{}, errors.Join(errNotWhole, err)
	}
	return r, nil
}

// Update replaces points by those of a later stage.
func (r *Report) Update(later []Point) {
	for _, p := range later {
		i := slices.IndexFunc(r.Points, func(q Point) bool { return q.ID == p.ID })
		if i >= 0 {
			p.Number = r.Points[i].Number
			r.Points[i] = p
		}
	}
}

// Stop makes a provisional report the last word of a guest that says no more: what
// was not judged is an error for the reason that the VM stopped where it did, such
// as "in trial disks".
func (r *Report) Stop(where string) {
	r.Stopped = where
	for i := range r.Points {
		if p := &r.Points[i]; p.Verdict == Error && p.Reason == NotYet {
			p.Reason = "the VM stopped " + where
			p.Problem = p.Reason
		}
	}
	r.Planned = len(r.Points)
	r.Verdict, _ = r.Conclude()
}

// provisionalMark begins the line that a stopped report has:
//
//	# vmspec: provisional: the VM stopped in trial disks
const provisionalMark = Mark + "provisional: the VM stopped "

func stoppedLine(where string) string { return cut(provisionalMark+plain(where), MaxLine) }

func parseStopped(line string) (where string, ok bool) {
	where, ok = strings.CutPrefix(line, provisionalMark)
	return where, ok && where != ""
}
