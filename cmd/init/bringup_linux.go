package main

import (
	"io/fs"
	"slices"
	"time"

	"vmspec/probes/kernel"
	"vmspec/probes/note"
	"vmspec/probes/virtio"
)

// firmwareModules call runtime services of UEFI when they are loaded or used.
var firmwareModules = []string{"efivarfs", "rtc_efi"}

// bringUp loads modules and waits for the devices that they find. Those of the
// firmware are left for later.
func (o *observation) bringUp() {
	o.loadModules()
	if o.begin("wait console") == nil {
		o.settle()
	}
}

// loadModules loads the modules for what the guest has, unless an earlier worker has.
func (o *observation) loadModules() {
	n := new(kernel.ModulesNote)
	if o.kept.has(n) {
		o.notes.set(n, o.kept.of(n))
		return
	}
	if err := o.begin(lookAt(n)); err != nil {
		o.refuse(n, err)
		return
	}
	o.modules = newLoader(o.root, o.each("module"))
	o.modules.left = slices.Clone(firmwareModules)
	o.modules.loadAll()
	o.noteModules()
}

// loadLeft loads a module of the firmware's.
func (o *observation) loadLeft(module string) {
	if o.modules != nil {
		o.modules.loadLeft(module)
		o.noteModules()
	}
}

// noteModules notes what became of the modules. The note is kept when none is left.
func (o *observation) noteModules() {
	var n kernel.ModulesNote
	o.modules.report(&n)
	text := note.Text(&n)
	o.notes.set(&n, text)
	if len(o.modules.left) == 0 || !o.uefi {
		o.keep(&n, text)
	}
}

// A virtio console's terminal appears some time after its driver.
const (
	settlePoll  = 20 * time.Millisecond
	settleLimit = time.Second
)

// settle waits until a virtio console has its terminal, up to a limit: a console
// without a port never gets one.
func (o *observation) settle() {
	for range settleLimit / settlePoll {
		devices, err := virtio.Read(o.root)
		if err != nil || !slices.ContainsFunc(devices, func(d virtio.Device) bool { return d.ID == virtio.Console }) {
			return
		}
		if _, err := fs.Stat(o.root, "sys/class/tty/hvc0"); err == nil {
			return
		}
		time.Sleep(settlePoll)
	}
}
