package main

import (
	"runtime"
	"slices"
	"strings"
	"time"

	"vmspec/probes"
	"vmspec/probes/guest"
	"vmspec/probes/kernel"
	"vmspec/probes/note"
	"vmspec/results/report"
	"vmspec/suite"
)

// early is the provisional report: what is known before the trials that the VM may
// not survive.
type early struct {
	files   *guest.FS
	facts   *probes.Facts // nil if there is no provisional report
	devices []string      // that take it
	open    []string      // requirements that are not judged in it
	print   printer
}

// A printer prints lines on a device: printOn, or a test's own.
type printer func(device string, lines []string, wait bool) error

// inputID is the requirement that somebody outside the guest answers.
const inputID = "PLAT-CONSOLE-INPUT"

// foretell judges the guest and sends the provisional report, if there is a trial
// ahead that the VM may not survive.
func (o *observation) foretell() {
	o.early.open = o.notYet()
	if !o.pid1 || o.dead || o.chosen.Frames == 0 || len(o.early.open) == 0 {
		return
	}
	o.addNotes()
	o.early.facts = probes.ReadEach(o.early.files, o.each("probe"))
	r := suite.JudgeEach(o.chosen, runtime.GOARCH, o.early.facts, o.each("judge")).Report()
	leaveOpen(r.Points, o.early.open)
	o.early.devices = append(terminals(o.early.facts), ports(reportPort)...)
	if o.stage == 0 { // else an earlier worker has sent it
		o.send(r)
	}
}

// notYet are the requirements that rest on trials which are still to be made. One
// on UEFI's clock is judged without a trial if there is no UEFI.
func (o *observation) notYet() (ids []string) {
	for _, r := range allRisks() {
		if r.ahead(o) && o.takes(r.name) && (o.uefi || r.name != "image") {
			ids = append(ids, o.restOn(r.name)...)
		}
	}
	if !o.uefi {
		ids = slices.DeleteFunc(ids, func(id string) bool { return id == "FW-RTC" })
	}
	if len(ids) > 0 && o.mayChange() {
		ids = append(ids, inputID)
	}
	return ids
}

// leaveOpen turns points that cannot be judged yet into errors.
func leaveOpen(points []report.Point, notYet []string) {
	for i := range points {
		if p := &points[i]; slices.Contains(notYet, p.ID) && !p.LeftOut() {
			p.Verdict, p.Reason = report.Error, report.NotYet
			p.Problem, p.Found, p.Fix, p.Follows = "", "", "", ""
		}
	}
}

// update judges what rests on a trial that has ended, and sends it.
func (o *observation) update(name string, more ...string) {
	if o.early.facts == nil {
		return
	}
	at := slices.IndexFunc(allRisks(), func(r risk) bool { return r.name == name })
	chosen := o.chosen
	chosen.Only = slices.DeleteFunc(append(more, suite.FindRisk(name).IDs...), func(id string) bool {
		return !slices.Contains(o.early.open, id) || !o.chosen.Chosen(id)
	})
	if len(chosen.Only) == 0 {
		return
	}
	o.addNotes()
	o.early.facts = probes.ReadAgain(o.early.files, o.early.facts, allRisks()[at].subjects, o.each("probe"))
	r := suite.JudgeEach(chosen, runtime.GOARCH, o.early.facts, o.each("judge")).Report()
	r.Choice, r.Problems = report.Choice{}, nil
	if len(r.Points) > 0 {
		o.send(r)
	}
}

// send sends the next stage of the provisional report. A device that does not take
// one gets no other.
func (o *observation) send(r *report.Report) {
	if o.stage == report.MaxStages || len(o.early.devices) == 0 || o.begin("foretell") != nil {
		return
	}
	o.stage++
	o.early.devices = sendTo(r.Provisional(o.stage), o.early.devices, o.early.print)
	_ = o.journal.add(kindForetold, "", nil) // without it the next worker sends the stage again
}

// How long devices may take for a stage: 5 kB at 9600 baud take 5 s. When the first
// device has taken it, the others have stageRest left.
const (
	stageLimit = 10 * time.Second
	stageRest  = time.Second
)

// sendTo prints on all devices at once and returns those that took the lines.
func sendTo(lines, devices []string, print printer) (took []string) {
	done := make(chan string, len(devices))
	for _, device := range devices {
		go func() {
			if print(device, lines, true) != nil {
				device = "" // hvc terminals without a device answer ENODEV
			}
			done <- device
		}()
	}
	late := time.After(stageLimit)
	for range devices {
		select {
		case device := <-done:
			if device != "" {
				took = append(took, device)
				late = time.After(stageRest)
			}
		case <-late:
			return took
		}
	}
	return took
}

// changed are the subjects of which a trial may have changed something, or that
// show what changes at any time. The others take long: the device tree, ACPI's
// tables and the kernel's configuration.
var changed = []string{
	"efi", "cpu", "gic", "timer", "rtc", "console", "device", "virtio", "xen", "vmbus", "pci", "disk", "image", "network", "tpm", "entropy", "hotplug",
}

// late are the subjects of which the clock's trial and those behind it show something.
func late() (subjects []string) {
	for _, r := range slices.Concat([]risk{clockRisk}, hostRisks, []risk{offlineRisk}) {
		subjects = append(subjects, r.subjects...)
	}
	return subjects
}

// catchUp reads again what trials have changed, while the clock's trial waits: what
// comes behind it makes the boot longer. Without a provisional report there is nothing
// to read again.
func (o *observation) catchUp() {
	if o.early.facts == nil {
		return
	}
	o.refresh(changing)
	o.addLog()
	o.addNotes()
	o.early.facts = o.finalFacts()
	o.caughtUp, o.logged = true, false
}

// finalFacts are the facts when all trials are made.
func (o *observation) finalFacts() *probes.Facts {
	if o.early.facts == nil {
		return probes.ReadEach(o.early.files, o.each("probe"))
	}
	return probes.ReadAgain(o.early.files, o.early.facts, o.stale(), o.each("probe"))
}

// stale are the subjects of which something may have changed since they were read.
func (o *observation) stale() []string {
	switch {
	case o.logged || o.uefi && !o.caughtUp:
		all := probes.Subjects()
		return slices.DeleteFunc(all, func(s string) bool { return slices.Contains([]string{"fdt", "tree", "acpi", "smbios"}, s) })
	case o.caughtUp:
		return late()
	}
	return changed
}

// addLog appends to the note of the kernel's log what was logged since.
func (o *observation) addLog() {
	if o.log == nil {
		return
	}
	n := kernel.LogNote()
	log := string(o.notes.of(n))
	var more strings.Builder
	for line := range strings.Lines(o.log()) {
		if !strings.Contains(log, line) {
			more.WriteString(line)
		}
	}
	if more.Len() == 0 || note.Parse(o.notes.of(n), n) != nil {
		return
	}
	text := []byte(more.String())
	guest.Scrub(text)
	o.notes.set(n, append(slices.Clone(o.notes.of(n)), text...))
	o.logged = true
}
