// Package probes finds out what a guest shows and keeps it as plain data. It
// judges nothing: that is suite's part.
//
// A subject is one package below this one. Its Read takes the guest as a file
// system and answers with facts, in which absence is a fact too, or with an
// error: "could not tell". One subject's error is no other's.
package probes

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"vmspec/probes/acpi"
	"vmspec/probes/console"
	"vmspec/probes/cpu"
	"vmspec/probes/device"
	"vmspec/probes/disk"
	"vmspec/probes/efi"
	"vmspec/probes/entropy"
	"vmspec/probes/fdt"
	"vmspec/probes/gic"
	"vmspec/probes/hotplug"
	"vmspec/probes/image"
	"vmspec/probes/kernel"
	"vmspec/probes/memory"
	"vmspec/probes/network"
	"vmspec/probes/pci"
	"vmspec/probes/rtc"
	"vmspec/probes/smbios"
	"vmspec/probes/timer"
	"vmspec/probes/tpm"
	"vmspec/probes/virtio"
	"vmspec/probes/vmbus"
	"vmspec/probes/xen"
)

// Facts are all that is known of one guest. A subject that is nil could not
// be read; Errors says why.
type Facts struct {
	Kernel  *kernel.Facts
	FDT     *fdt.Facts
	Tree    *fdt.Lint
	ACPI    *acpi.Facts
	EFI     *efi.Facts
	CPU     *cpu.Facts
	PSCI    *cpu.PSCI
	Memory  *memory.Facts
	GIC     *gic.Facts
	Timer   *timer.Facts
	RTC     *rtc.Facts
	Console *console.Facts
	Device  *device.Facts
	Virtio  []virtio.Device
	Xen     *xen.Facts
	VMBus   *vmbus.Facts
	PCI     *pci.Facts
	Disk    []disk.Disk
	Image   *image.Facts
	Network []network.Interface
	SMBIOS  *smbios.Facts
	TPM     *tpm.Facts
	Entropy *entropy.Facts
	Hotplug hotplug.Facts `json:",omitzero"` // empty where nobody was asked to plug

	Errors map[string]string // by the subject's name
}

// subject reads one subject of the guest into its place in the facts.
type subject struct {
	name string
	read func(fsys fs.FS, f *Facts) error
}

// subjects is the list of what is probed.
var subjects = []subject{
	{"kernel", func(fsys fs.FS, f *Facts) (err error) { f.Kernel, err = kernel.Read(fsys); return }},
	{"fdt", func(fsys fs.FS, f *Facts) (err error) { f.FDT, err = fdt.Read(fsys); return }},
	{"tree", func(fsys fs.FS, f *Facts) (err error) { f.Tree, err = fdt.ReadLint(fsys); return }},
	{"acpi", func(fsys fs.FS, f *Facts) (err error) { f.ACPI, err = acpi.Read(fsys); return }},
	{"efi", func(fsys fs.FS, f *Facts) (err error) { f.EFI, err = efi.Read(fsys); return }},
	{"cpu", func(fsys fs.FS, f *Facts) (err error) { f.CPU, err = cpu.Read(fsys); return }},
	{"psci", func(fsys fs.FS, f *Facts) (err error) { f.PSCI, err = cpu.ReadPSCI(fsys); return }},
	{"memory", func(fsys fs.FS, f *Facts) (err error) { f.Memory, err = memory.Read(fsys); return }},
	{"gic", func(fsys fs.FS, f *Facts) (err error) { f.GIC, err = gic.Read(fsys); return }},
	{"timer", func(fsys fs.FS, f *Facts) (err error) { f.Timer, err = timer.Read(fsys); return }},
	{"rtc", func(fsys fs.FS, f *Facts) (err error) { f.RTC, err = rtc.Read(fsys); return }},
	{"console", func(fsys fs.FS, f *Facts) (err error) { f.Console, err = console.Read(fsys); return }},
	{"device", func(fsys fs.FS, f *Facts) (err error) { f.Device, err = device.Read(fsys); return }},
	{"virtio", func(fsys fs.FS, f *Facts) (err error) { f.Virtio, err = virtio.Read(fsys); return }},
	{"xen", func(fsys fs.FS, f *Facts) (err error) { f.Xen, err = xen.Read(fsys); return }},
	{"vmbus", func(fsys fs.FS, f *Facts) (err error) { f.VMBus, err = vmbus.Read(fsys); return }},
	{"pci", func(fsys fs.FS, f *Facts) (err error) { f.PCI, err = pci.Read(fsys); return }},
	{"disk", func(fsys fs.FS, f *Facts) (err error) { f.Disk, err = disk.Read(fsys); return }},
	{"image", func(fsys fs.FS, f *Facts) (err error) { f.Image, err = image.Read(fsys); return }},
	{"network", func(fsys fs.FS, f *Facts) (err error) { f.Network, err = network.Read(fsys); return }},
	{"smbios", func(fsys fs.FS, f *Facts) (err error) { f.SMBIOS, err = smbios.Read(fsys); return }},
	{"tpm", func(fsys fs.FS, f *Facts) (err error) { f.TPM, err = tpm.Read(fsys); return }},
	{"entropy", func(fsys fs.FS, f *Facts) (err error) { f.Entropy, err = entropy.Read(fsys); return }},
	{"hotplug", func(fsys fs.FS, f *Facts) error { f.Hotplug = hotplug.Read(fsys); return nil }},
}

// Subjects lists the names of the subjects, as Errors uses them.
func Subjects() []string {
	var out []string
	for _, s := range subjects {
		out = append(out, s.name)
	}
	return out
}

// Read probes a guest. It always answers: what could not be read is nil and
// has its error.
func Read(fsys fs.FS) *Facts {
	return ReadEach(fsys, func(string) error { return nil })
}

// ReadEach is Read, and asks begin before each subject: one that begin answers
// with an error has that error and is not read.
func ReadEach(fsys fs.FS, begin func(subject string) error) *Facts {
	f := &Facts{Errors: map[string]string{}}
	for _, s := range subjects {
		if err := s.readSafely(fsys, f, begin); err != nil {
			f.Errors[s.name] = err.Error()
		}
	}
	return f
}

// ReadAgain reads some subjects again and returns facts with the new answers. The
// others are taken over.
func ReadAgain(fsys fs.FS, before *Facts, names []string, begin func(subject string) error) *Facts {
	f := *before
	f.Errors = maps.Clone(before.Errors)
	for _, s := range subjects {
		if !slices.Contains(names, s.name) {
			continue
		}
		delete(f.Errors, s.name)
		if err := s.readSafely(fsys, &f, begin); err != nil {
			f.Errors[s.name] = err.Error()
		}
	}
	return &f
}

// readSafely turns a panic into an error: one subject must not cost the
// report of the others.
func (s subject) readSafely(fsys fs.FS, f *Facts, begin func(string) error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("probe panicked: %v", r)
		}
	}()
	if err := begin(s.name); err != nil {
		return err
	}
	return s.read(fsys, f)
}
