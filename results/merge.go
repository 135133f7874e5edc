package results

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"vmspec/results/report"
)

// # Merging
//
// Several boots of one platform have one verdict. Each requirement is decided by
// the boot that shows most:
//
//	weight  what a boot says of the requirement
//	7       fail, functional: it was made to happen, and did not
//	6       pass, functional
//	5       fail, evidence: something says so
//	4       pass, evidence
//	3       error: could not tell
//	2       skip: did not apply, or something was missing
//	1       skip: left out by a parameter
//	0       fail, only because the boot went another way (see ways)
//
// Of two boots with the same weight the one with more CPUs decides, then the one
// whose name comes first. Where one boot passes and another fails, and neither
// went another way, that is a contradiction, whichever of them decides.
//
// No boot alone decides what the table joint lists.
//
// A merge is a set of boots, and what follows is a function of that set. So it is
// commutative, associative and idempotent.

// A Boot is one guest's report among those of a platform.
type Boot struct {
	Name string // of its log
	*Report
}

// A Merge is the boots of one platform, by their names.
type Merge []Boot

// MergeOf returns the boots as a set: one that was given twice counts once.
func MergeOf(boots ...Boot) Merge {
	all := slices.Clone(boots)
	slices.SortFunc(all, func(a, b Boot) int {
		return cmp.Or(strings.Compare(a.identity(), b.identity()), -cmp.Compare(len(a.Observed), len(b.Observed)), a.compare(b))
	})
	all = slices.CompactFunc(all, func(a, b Boot) bool { return a.identity() == b.identity() })
	slices.SortFunc(all, func(a, b Boot) int { return cmp.Or(a.compare(b), strings.Compare(a.identity(), b.identity())) })
	return all
}

// With returns the boots of both.
func (m Merge) With(other Merge) Merge { return MergeOf(slices.Concat(m, other)...) }

// identity is what the guest wrote: the same boot in two logs is one boot.
func (b Boot) identity() string { return strings.Join(b.Lines, "\n") }

func (b Boot) compare(other Boot) int {
	return cmp.Or(strings.Compare(b.Name, other.Name), slices.Compare(b.Observed, other.Observed))
}

// A Merged is the verdict on a platform by one profile. Its points say which boot
// decided them.
type Merged struct {
	Report
	Boots          Merge
	Contradictions []Contradiction
}

// A Contradiction is a requirement that some boots meet and others do not.
type Contradiction struct {
	ID             string
	Passed, Failed []string // names of boots
	Problem        string   // of the first that failed
}

func (c Contradiction) String() string {
	return fmt.Sprintf("%s: passed in %s, failed in %s: %s", c.ID, strings.Join(c.Passed, ", "), strings.Join(c.Failed, ", "), c.Problem)
}

// ErrNoBoot says that there is nothing to merge.
var ErrNoBoot = errors.New("no boot to merge")

// Profile returns the profile by which all boots were judged.
func (m Merge) Profile() (string, error) {
	if len(m) == 0 {
		return "", ErrNoBoot
	}
	for _, b := range m[1:] {
		if first := m[0]; b.Profile != first.Profile {
			return "", fmt.Errorf("%s was judged by %s, %s by %s", first.Name, first.Profile, b.Name, b.Profile)
		}
	}
	return m[0].Profile, nil
}

// By returns the verdict by a profile.
func (m Merge) By(profile string) (*Merged, error) {
	if len(m) == 0 {
		return nil, ErrNoBoot
	}
	all := make([]boot, 0, len(m))
	for _, b := range m {
		by, err := b.Report.By(profile)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", b.Name, err)
		}
		all = append(all, newBoot(Boot{b.Name, by}))
	}
	out := &Merged{Boots: m}
	out.Head = head(all)
	out.Problems = problems(all)
	for _, id := range order(all) {
		out.Points = append(out.Points, out.decide(all, id))
	}
	for _, b := range m {
		for _, seen := range b.Observed {
			out.Observed = append(out.Observed, b.Name+": "+seen)
		}
	}
	out.settle()
	out.Choice = choice(all, out.Points)
	out.Planned = len(out.Points)
	out.Verdict, _ = out.Report.Report.Conclude()
	out.Lines = out.TAP()
	return out, nil
}

// boot is a boot whose points are found by their IDs.
type boot struct {
	Boot
	points map[string]Point
}

func newBoot(b Boot) boot {
	out := boot{Boot: b, points: map[string]Point{}}
	for _, p := range b.Points {
		out.points[p.ID] = p
	}
	return out
}

// order lists the requirements of all boots, each where the first boot that has it
// puts it.
func order(all []boot) (ids []string) {
	for _, b := range all {
		after := 0
		for _, p := range b.Points {
			if at := slices.Index(ids, p.ID); at >= 0 {
				after = at + 1
				continue
			}
			ids = slices.Insert(ids, after, p.ID)
			after++
		}
	}
	return ids
}

// ways are how a boot may be started, by the requirements that such a boot meets:
// through UEFI, or with the descriptions that the profile asks. If one boot was
// started in a way, what others failed because they were not does not count
// against the platform. v2.0 asks for both descriptions: only a boot that has both
// shows them.
var ways = [][]string{
	{"FW-UEFI-BOOT"},
	{"HW-FDT-UEFI", "HW-ACPI-UEFI"},
}

// went tells whether a boot meets the requirements of a way that its profile asks.
func (b boot) went(way []string) bool {
	asked := false
	for _, id := range way {
		p, ok := b.points[id]
		if !ok || !p.Must() {
			continue
		}
		if asked = true; p.Verdict != Pass {
			return false
		}
	}
	return asked
}

// yields tells whether a boot failed a point only because it went another way
// than some other boot.
func (b boot) yields(p Point, all []boot) bool {
	for _, way := range ways {
		other := func(o boot) bool { return o.went(way) }
		if p.Verdict == Fail && !b.went(way) && slices.ContainsFunc(all, other) && b.restsOn(p, way) {
			return true
		}
	}
	return false
}

// restsOn tells whether a point, or what its failure follows from, is among IDs.
func (b boot) restsOn(p Point, ids []string) bool {
	for range b.points { // no chain is longer, unless it has no end
		if slices.Contains(ids, p.ID) {
			return true
		}
		next, ok := b.points[p.Follows]
		if !ok || next.Verdict != Fail {
			return false
		}
		p = next
	}
	return false
}

const functional = "functional"

// weight is that of the table above.
func (b boot) weight(p Point, all []boot) int {
	weight := map[Verdict]int{Fail: 5, Pass: 4, Error: 3, Skip: 2}[p.Verdict]
	switch {
	case p.LeftOut():
		return 1
	case b.yields(p, all):
		return 0
	case p.Kind == functional && weight > 3:
		return weight + 2
	}
	return weight
}

// decide returns the point of the boot that shows most of a requirement, and
// keeps a contradiction.
func (m *Merged) decide(all []boot, id string) Point {
	var best Point
	most, cpus := -1, 0
	c := Contradiction{ID: id}
	for _, b := range all {
		p, ok := b.points[id]
		if !ok {
			continue
		}
		p.Boot = cmp.Or(p.Boot, b.Name) // a merged report names it already
		weight := b.weight(p, all)
		if weight > most || weight == most && b.cpus() > cpus {
			best, most, cpus = p, weight, b.cpus()
		}
		switch {
		case p.Verdict == Pass:
			c.Passed = append(c.Passed, b.Name)
		case p.Verdict == Fail && weight > 0:
			c.Failed, c.Problem = append(c.Failed, b.Name), cmp.Or(c.Problem, p.Problem)
		}
	}
	if len(c.Passed) > 0 && len(c.Failed) > 0 {
		m.Contradictions = append(m.Contradictions, c)
	}
	if together := joint[id]; together != nil {
		best = together(all, best)
	}
	if best.Verdict == Skip { // no boot decided it
		best.Boot = ""
	}
	return best
}

// cpus is how many CPUs a boot showed; 0 if that is not known.
func (b Boot) cpus() (n int) {
	p, ok := b.Point("PLAT-CPU-ENUM")
	if ok {
		_, _ = fmt.Sscanf(p.Found, "%d", &n)
	}
	return n
}

// settle numbers the points. It drops the cause of a failure if another boot passed
// that requirement.
func (m *Merged) settle() {
	for i := range m.Points {
		p := &m.Points[i]
		p.Number = i + 1
		if cause, ok := m.Point(p.Follows); !ok || cause.Verdict != Fail {
			p.Follows = ""
		}
	}
}

// head says by what the boots were judged. Values that differ are joined by +.
func head(all []boot) report.Head {
	field := func(of func(report.Head) string) string {
		var values []string
		for _, b := range all {
			values = append(values, of(b.Head))
		}
		slices.Sort(values)
		return strings.Join(slices.Compact(values), "+")
	}
	h := report.Head{
		Profile:   all[0].Profile,
		Version:   field(func(h report.Head) string { return h.Version }),
		Catalogue: field(func(h report.Head) string { return h.Catalogue }),
		Arch:      field(func(h report.Head) string { return h.Arch }),
		Nonce:     field(func(h report.Head) string { return h.Nonce }),
	}
	if !report.IsNonce(h.Nonce) {
		h.Nonce = ""
	}
	return h
}

// problems are the wrong parameters of all boots.
func problems(all []boot) (out []string) {
	for _, b := range all {
		out = append(out, b.Problems...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// choice is what all boots together left out.
func choice(all []boot, points []Point) (c report.Choice) {
	c.ByHost = true
	for _, b := range all {
		if !b.Choice.Any() {
			return report.Choice{}
		}
		c.Musts = max(c.Musts, b.Choice.Musts)
		c.ByHost = c.ByHost && b.Choice.ByHost
	}
	judged := 0
	for _, p := range points {
		if !p.LeftOut() {
			c.Only = append(c.Only, p.ID)
		}
		if p.Must() && p.Party() == report.Platform && !p.LeftOut() {
			judged++
		}
	}
	if judged == c.Musts {
		return report.Choice{}
	}
	return c
}
