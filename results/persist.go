package results

import (
	"cmp"
	"fmt"
	"slices"

	"vmspec/results/report"
)

// # What boots leave to each other
//
// Each boot leaves a mark in a UEFI variable, and says which it found there. Boots of
// one VM show by that whether its variables persist:
//
//	a boot found what another left, and the VM was powered off between    persists
//	the same, and the VM was reset only                                   nothing
//	a later boot of the series found no mark of it                        does not persist
//	no boot of a series could leave one                                   does not persist
//	a VM with a fresh store and the same image found it                   is the image's
//	it did not                                                            is the VM's own
//
// A variable that was lost once comes before one that persisted, and both before a
// platform that takes none: there may be another way to boot it.
//
// That the VM was powered off between is known from the host, which ended its VMM, or
// else from the mark: its boot says how it meant to end. Which boots are of one series
// is said by the host's record, or by vmspec.series. Without either nobody knows whose
// store a boot should have found, so that it shows nothing by finding none.

// A life is a boot, with what it found and left.
type life struct {
	name  string
	host  *Series
	marks report.Marks
}

// The requirements that lives decide.
const (
	varPersist  = "FW-VAR-PERSIST"
	varInstance = "FW-VAR-INSTANCE"
)

// lives are the boots that say what they found and left.
func lives(all []boot) (out []life) {
	for _, b := range all {
		p := b.points[varPersist]
		if m, ok := report.ParseMarks(p.Found); ok && p.Verdict == Skip {
			out = append(out, life{b.Name, b.series, m})
		}
	}
	return out
}

// place is where a boot stands in its series. The host knows it better than the guest,
// whom a parameter tells.
func (l life) place() (series string, boot int) {
	if l.host != nil {
		return l.host.Nonce, l.host.Boot
	}
	return l.marks.Series, l.marks.Boot
}

// before tells whether a boot is an earlier one of the same series.
func (l life) before(later life) bool {
	series, boot := l.place()
	of, at := later.place()
	return series != "" && series == of && boot < at
}

// found tells whether a boot found what another left.
func (l life) found(other life) bool {
	return l.marks.Found != nil && other.marks.Left != nil && *l.marks.Found == *other.marks.Left
}

// offBefore tells whether the VM was powered off between a boot and one that found its
// mark.
func (l life) offBefore(later life) bool {
	series, boot := l.place()
	of, at := later.place()
	switch {
	case series != "" && series == of && boot == at:
		return false // the same start of the VMM
	case l.host != nil && later.host != nil && series == of:
		return l.host.Ended
	}
	return l.marks.Left.After == "poweroff"
}

// decidePersist: a variable persists if it was there after a power-off.
func decidePersist(all []boot, best Point) Point {
	if best.Verdict == Pass || best.Verdict == Fail { // of a merged report
		return best
	}
	boots := lives(all)
	for _, later := range boots {
		if p, lost := later.lost(boots, best); lost {
			return p
		}
	}
	reset := ""
	for _, later := range boots {
		for _, l := range boots {
			switch {
			case !later.found(l):
			case l.offBefore(later):
				return passedBy(best, fmt.Sprintf("%s left mark %s in a variable, %s found it after a power-off", l.name, l.marks.Left.Token, later.name), l.name, later.name)
			default:
				reset = fmt.Sprintf("%s found the mark of %s, but after a reset: a power-off is asked", later.name, l.name)
			}
		}
	}
	for _, later := range boots {
		if p, refused := later.refused(boots, best); refused {
			return p
		}
	}
	if best.Verdict == Skip && reset != "" {
		best.Found = reset
	}
	return best
}

// lost fails a point by a boot that did not find what an earlier one of its series
// should have left.
func (l life) lost(boots []life, p Point) (Point, bool) {
	w, left := l.lastBefore(boots, func(o life) bool { return o.marks.Left != nil })
	_, found := l.lastBefore(boots, l.found)
	if !left || found || l.isFresh() || l.marks.None == report.MarkUnknown || !w.offBefore(l) {
		return p, false
	}
	problem := fmt.Sprintf("%s left a variable, and %s did not find it after a power-off: %s", w.name, l.name, l.whyLost(w, boots))
	return failedBy(p, problem, "", w.name, l.name), true
}

// refused fails a point by a boot before which the platform let none of its series leave
// anything.
func (l life) refused(boots []life, p Point) (Point, bool) {
	w, refused := l.lastBefore(boots, func(o life) bool { return o.marks.Nothing == report.MarkRefused })
	_, left := l.lastBefore(boots, func(o life) bool { return o.marks.Left != nil })
	if !refused || left || l.isFresh() {
		return p, false
	}
	return failedBy(p, "no boot could leave a variable: "+w.marks.Why, "FW-UEFI-BOOT", w.name), true
}

func (l life) isFresh() bool { return l.host != nil && l.host.Fresh }

// lastBefore returns the last boot of that kind before this one.
func (l life) lastBefore(boots []life, kind func(life) bool) (last life, ok bool) {
	for _, o := range boots {
		if !o.before(l) || o.isFresh() || !kind(o) {
			continue
		}
		if !ok || last.before(o) || !o.before(last) && o.count() > last.count() {
			last, ok = o, true
		}
	}
	return last, ok
}

// count is how many boots left a mark up to this one, which orders those of one start.
func (l life) count() int {
	if l.marks.Left == nil {
		return 0
	}
	return l.marks.Left.Count
}

// whyLost says what the host, and boots after a reset, know of a store that lost a
// variable.
func (l life) whyLost(w life, boots []life) string {
	return w.host.whyLost(l.host) + w.afterReset(boots)
}

// whyLost says what the host knows of the store, by its records of the boot that wrote
// and of the one that found nothing.
func (s *Series) whyLost(later *Series) string {
	switch {
	case s == nil:
		return "the host left no record of the store"
	case s.Without != "":
		return "by " + s.Without + " the VMM has no file for the store"
	case s.Store == nil:
		return "no file for the store is known (--store)"
	case !s.Store.Written():
		return "nothing was written into the store's file, as if the VM had a copy of it"
	case later != nil && later.Store != nil && later.Store.Before != s.Store.After:
		return "the store's file was another one at the next boot"
	}
	return "the store's file was written and was still there: the firmware lost the variable, or whoever started the VM put the file back"
}

// afterReset says whether a boot's start of the VMM kept a variable over a reset.
func (l life) afterReset(boots []life) string {
	series, boot := l.place()
	said := ""
	for _, later := range boots {
		for _, o := range boots {
			of, at := later.place()
			if of2, at2 := o.place(); series == "" || of != series || at != boot || of2 != series || at2 != boot || o.name == later.name {
				continue
			}
			if later.found(o) {
				return "; over a reset it was kept"
			}
			if o.marks.Left != nil && o.marks.Left.After == "reboot" {
				said = "; it was not kept over a reset either"
			}
		}
	}
	return said
}

// decideEnvironment: UEFI keeps its settings in non-volatile variables (UEFI 2.10,
// section 3.3), so that they persist as variables do. Where a guest can set none, its
// firmware may still keep its own.
func decideEnvironment(all []boot, best Point) Point {
	if best.Verdict != Skip || best.LeftOut() {
		return best
	}
	variables := decidePersist(all, Point{ID: varPersist, Verdict: Skip})
	switch variables.Verdict {
	case Pass:
		best = passedBy(best, "UEFI keeps its settings in variables, and these persist")
	case Fail:
		if !slices.ContainsFunc(lives(all), func(l life) bool { return l.marks.Left != nil }) {
			return best
		}
		best = failedBy(best, "UEFI keeps its settings in variables, and these do not persist", varPersist)
	}
	best.Boot = cmp.Or(variables.Boot, best.Boot)
	return best
}

// decideInstance: a store is the VM's own if another VM with the same image does not
// show what is in it.
func decideInstance(all []boot, best Point) Point {
	if best.Verdict != Skip || best.LeftOut() {
		return best
	}
	boots := lives(all)
	for _, fresh := range boots {
		if !fresh.isFresh() || fresh.marks.None == report.MarkUnknown {
			continue
		}
		earlier := slices.DeleteFunc(slices.Clone(boots), func(o life) bool { return !o.before(fresh) || o.marks.Left == nil })
		if len(earlier) > 0 {
			return fresh.instance(earlier, best)
		}
	}
	return best
}

// instance judges by a boot with a fresh store, and earlier ones of its series that left
// a mark.
func (l life) instance(earlier []life, p Point) Point {
	what := "kernel and initramfs"
	if l.host.Image {
		what = "disk image"
	}
	at := slices.IndexFunc(earlier, l.found)
	if at < 0 {
		w := earlier[0]
		return passedBy(p, fmt.Sprintf("%s, with a fresh store and the same %s, does not show the variable that %s left", l.name, what, w.name), w.name, l.name)
	}
	w := earlier[at]
	if l.host.Store != nil && !l.host.Store.Written() {
		p.Found = l.name + " found the mark of " + w.name + ", and did not use the fresh store that it was given"
		return p
	}
	return failedBy(p, fmt.Sprintf("%s, with a fresh store and the same %s, shows the variable that %s left", l.name, what, w.name), "", w.name, l.name)
}
