package main

import (
	"cmp"
	"errors"
	"io/fs"
	"maps"
	"slices"

	"vmspec/probes/console"
	"vmspec/probes/cpu"
	"vmspec/probes/disk"
	"vmspec/probes/efi"
	"vmspec/probes/entropy"
	"vmspec/probes/image"
	"vmspec/probes/look"
	"vmspec/probes/network"
	"vmspec/probes/note"
	"vmspec/probes/rtc"
	"vmspec/probes/tpm"
	"vmspec/probes/trial"
	"vmspec/suite"
)

// A risk is a trial that the VM may not survive, by its name in suite.Risks.
type risk struct {
	name     string
	note     note.Note // the last one that it takes
	subjects []string  // what is read of its notes
	ahead    func(o *observation) bool
	make     func(o *observation)
}

// The risks, in their order. The clock's trial and that of the CPUs have no functions
// here: they run beside others, or end the work. Between them come hostRisks.
var (
	deviceRisks = []risk{
		{"entropy", new(entropy.Note), []string{"entropy"}, hasEntropy, tryEntropy},
		{"disks", new(disk.Note), []string{"disk"}, hasDisks, tryDisks},
		{"tpm", new(tpm.Note), []string{"tpm"}, hasTPM, tryTPM},
		{"ports", new(console.PortsNote), []string{"console"}, hasPorts, tryPorts},
	}
	firmwareRisks = []risk{
		{"variables", new(efi.Trial), []string{"efi", "kernel"}, hasUEFI, tryVariables},
		{"mark", new(efi.MarkNote), []string{"efi", "kernel"}, mayLeaveMark, leaveMark},
		{"image", new(image.Note), []string{"image"}, always, recordImage},
	}
	exchangeRisks = []risk{
		{"network", new(network.Note), []string{"network"}, hasNetwork, tryNetwork},
	}
	clockRisk   = risk{"clock", new(rtc.Note), []string{"rtc", "console"}, hasClock, nil}
	offlineRisk = risk{"offline", new(cpu.Offline), []string{"cpu"}, (*observation).mayChange, nil}
)

func allRisks() []risk {
	return slices.Concat(deviceRisks, firmwareRisks, exchangeRisks, []risk{clockRisk}, hostRisks, []risk{offlineRisk})
}

var errLeftOut = errors.New("left out by a parameter")

// takes tells whether the parameters choose anything for which a trial is made. Before
// they are known every trial is.
func (o *observation) takes(name string) bool { return o.chosen.Takes(suite.FindRisk(name)) }

// makeRisky makes trials, and says on the consoles what each has changed.
func (o *observation) makeRisky(risks []risk) {
	for _, r := range risks {
		if !r.ahead(o) {
			continue
		}
		r.make(o)
		if !o.kept.has(r.note) {
			o.update(r.name)
		}
	}
}

// risky is a trial in which the kernel waits for a device or the firmware, unless
// the parameters leave it out.
func (o *observation) risky(name string, n note.Note, measure func() error) {
	if !o.takes(name) {
		o.refuse(n, errLeftOut)
		return
	}
	o.waiting(n, measure)
}

func always(*observation) bool { return true }

func hasUEFI(o *observation) bool { return o.uefi }

func hasClock(o *observation) bool {
	clocks, err := fs.ReadDir(o.root, "sys/class/rtc")
	return o.uefi || err == nil && len(clocks) > 0
}

func hasEntropy(o *observation) bool { return trial.EntropySource(o.root) != "" }

func tryEntropy(o *observation) {
	var n entropy.Note
	o.risky("entropy", &n, func() error { return trial.Entropy(trial.EntropySource(o.root), &n) })
}

func (o *observation) disks() []disk.Disk {
	disks, err := disk.Read(o.root)
	if err != nil {
		return nil
	}
	return disks
}

func hasDisks(o *observation) bool { return len(o.disks()) > 0 }

func tryDisks(o *observation) {
	var n disk.Note
	o.risky("disks", &n, func() error { return trial.Disks(o.disks(), &n) })
}

func hasTPM(o *observation) bool {
	tpms, err := fs.ReadDir(o.root, "sys/class/tpm")
	return err == nil && len(tpms) > 0
}

func tryTPM(o *observation) {
	var n tpm.Note
	o.risky("tpm", &n, func() error { return look.TPM(&n) })
}

func hasPorts(o *observation) bool {
	_, err := fs.Stat(o.root, trial.PortClass)
	return err == nil && o.mayChange()
}

func tryPorts(o *observation) {
	var n console.PortsNote
	o.risky("ports", &n, func() error { return trial.Ports(o.root, &n) })
}

func hasNetwork(o *observation) bool {
	interfaces, err := network.Read(o.root)
	return err == nil && len(interfaces) > 0 && o.mayChange()
}

func tryNetwork(o *observation) {
	var n network.Note
	interfaces, _ := network.Read(o.root) // hasNetwork has read them
	o.risky("network", &n, func() error { return trial.Network(o.root, interfaces, &n) })
}

// tryVariables mounts the firmware's variables and makes one.
func tryVariables(o *observation) {
	if o.pid1 {
		o.mountVariables()
	}
	if o.mayChange() {
		var n efi.Trial
		o.risky("variables", &n, func() error { return trial.Variables(o.host.calls(variablesTrial), &n) })
	}
}

func mayLeaveMark(o *observation) bool { return o.uefi && o.mayChange() }

// leaveMark leaves a mark for the next boot, and notes what an earlier one left.
func leaveMark(o *observation) {
	var n efi.MarkNote
	o.risky("mark", &n, func() error { return trial.Mark(o.host.calls(trialOf(&n)), o.markPlan(), &n) })
}

func (o *observation) markPlan() trial.MarkPlan {
	series := o.chosen.Series
	return trial.MarkPlan{
		Nonce: cmp.Or(series.Nonce, o.chosen.Nonce, "-"), Boot: series.Boot, Last: series.Last(), After: o.chosen.After,
	}
}

func (o *observation) mountVariables() {
	n := efi.MountsNote()
	if !o.takes("mounts") {
		o.refuse(n, errLeftOut)
		return
	}
	o.loadLeft("efivarfs")
	o.look(n, mountVariables)
	o.refresh(variableFiles)
}

// recordImage records those parts of the boot disk by which the image is judged.
// UEFI may know a disk that Linux does not.
func recordImage(o *observation) {
	disks := o.disks()
	var n image.Note
	record := func() error { return look.BootDisk(o.root, disks, &n) }
	switch {
	case !o.uefi && len(disks) > 0:
		o.notes.set(&n, note.Text(&image.Note{None: image.NoUEFI}))
	case !o.uefi:
		o.notes.set(&n, note.Text(&image.Note{None: image.NoDisk}))
	case !o.takes("image"):
		o.refuse(&n, errLeftOut)
	case len(disks) > 0:
		o.waiting(&n, record)
	default:
		o.look(&n, record)
	}
}

// Files that a trial may change after they were read.
var (
	variableFiles = []string{
		"proc/filesystems", "proc/modules", "proc/self/mountinfo", "sys/module/*", "sys/firmware/efi/efivars/*",
		"sys/firmware/efi/efivars/BootCurrent-8be4df61-93ca-11d2-aa0d-00e098032b8c",
		"sys/firmware/efi/efivars/BootOrder-8be4df61-93ca-11d2-aa0d-00e098032b8c",
		"sys/firmware/efi/efivars/Boot[0-9A-F][0-9A-F][0-9A-F][0-9A-F]-8be4df61-93ca-11d2-aa0d-00e098032b8c",
	}
	changing      = []string{"proc/interrupts", "sys/bus/virtio/devices/*/status"}
	firmwareFiles = []string{"proc/modules", "sys/module/*", "sys/class/rtc/*/name", "sys/class/rtc/*/hctosys", "sys/bus/platform/devices/*/driver"}
)

// refresh reads files again.
func (o *observation) refresh(files []string) {
	if o.uefi && &files[0] == &changing[0] {
		files = slices.Concat(files, firmwareFiles)
	}
	o.early.files.Refresh(o.root, files, o.each("read"))
}

// addNotes adds the notes to the files.
func (o *observation) addNotes() {
	for _, name := range slices.Sorted(maps.Keys(o.notes)) {
		o.early.files.AddFile(note.Dir+"/"+name, o.notes[name])
	}
}
