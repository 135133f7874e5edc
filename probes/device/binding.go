package device

import (
	"cmp"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"vmspec/probes/fdt"
	"vmspec/probes/gic"
	"vmspec/probes/kernel"
	"vmspec/probes/memory"
)

// Binding is what Linux made of the description that it runs by: the device
// tree, or the ACPI namespace.
type Binding struct {
	Bound         int      // described devices that have a driver
	Slots         int      // places for virtio-mmio devices without one: empty, as most are
	Unbound       []Node   // described, enabled, and without a driver although the kernel has one
	NoDriverKnown []string // enabled nodes and ACPI devices for which no driver is known
	MaybeNoDriver []string `json:",omitempty"` // those that need one, where it is not known which drivers there are
	DeferredErr   string   `json:",omitempty"` // why the kernel does not say for what a device without a driver waits
	// What is in use and belongs to nothing that is described: top-level regions of
	// /proc/iomem and, where Linux runs by the tree, interrupts of the GIC.
	Registers  []Use
	Interrupts []Use
	Timer      uint32      // INTID of the generic timer's interrupt in use; 0 if unknown
	ECAM       []fdt.Range // PCI configuration spaces in use
	Serial     []fdt.Range // registers of the SBSA UARTs in use
}

// A Use is a piece of the VM that Linux uses.
type Use struct {
	At string // 9000000-9000fff, or an interrupt's INTID
	By string // a region's name, or who has the interrupt
}

// A Node is a device as the description has it.
type Node struct {
	Path     string // of the tree's node, or the ACPI device's name
	Driver   string // the driver or module that is for it
	Sure     bool   // by a driver that takes what is as described, and never declines
	Device   string // its name on its bus; empty if Linux made none
	Deferred bool   // its probe waits for another device
	Reason   string // what the kernel says it waits for
	Missing  string // what it needs and the tree has not, or has disabled
	Errno    int    // with which its probe failed, by the kernel's log
}

// A driver is one that Debian's kernels and most others have built in. It binds to
// every matching device, or it logs an error: a driver that finds no device there
// and logs nothing is not in this list.
type driver struct {
	bus, name  string
	compatible []string
	hid        []string // of ACPI devices
}

// drivers are for the devices that the specification names, and for the buses of
// the others.
var drivers = []driver{
	{"amba", "uart-pl011", []string{"arm,pl011"}, nil},                                               // drivers/tty/serial/amba-pl011.c
	{"platform", "sbsa-uart", []string{"arm,sbsa-uart"}, []string{"ARMH0011", "ARMHB000"}},           // the same
	{"amba", "rtc-pl031", []string{"arm,pl031"}, nil},                                                // drivers/rtc/rtc-pl031.c
	{"amba", "pl061_gpio", []string{"arm,pl061"}, []string{"ARMH0061"}},                              // drivers/gpio/gpio-pl061.c
	{"platform", "pci-host-generic", []string{"pci-host-ecam-generic", "pci-host-cam-generic"}, nil}, // drivers/pci/controller/pci-host-generic.c
	{"platform", "acpi-ged", nil, []string{"ACPI0013"}},                                              // drivers/acpi/evged.c
}

// slot is the compatible string of a place for a virtio device, and slotHID its
// ACPI name. One without a device has the ID 0, and no driver takes it
// (Virtual I/O Device 1.2, section 4.2.2).
const (
	slot    = "virtio,mmio"
	slotHID = "LNRO0005"
)

// maxNames bounds the lists of names.
const maxNames = 64

// binder gathers a binding.
type binder struct {
	Binding
	fsys    fs.FS
	devices []Device
	regions []memory.Region // of the top level
	lines   []gic.Interrupt // the GIC's
	drivers []driver        // those the running kernel has
	aliases []kernel.Alias
	listed  bool              // these are of all drivers, built in and not
	errnos  map[string]int    // of devices whose probe failed
	waiting map[string]string // deferred devices, and what for
	node    *fdt.Node         // that is being added; nil under ACPI
}

func readBinding(fsys fs.FS, devices []Device, regions []memory.Region, acpi bool) (*Binding, error) {
	b := binder{fsys: fsys, devices: devices}
	if err := b.readKernel(); err != nil {
		return nil, err
	}
	_, interrupts, err := gic.LoadInterrupts(fsys)
	if err != nil {
		return nil, err
	}
	b.addInterrupts(interrupts)
	b.addRegions(regions)
	if acpi {
		b.readNamespace()
		return &b.Binding, nil
	}
	tree, err := fdt.Load(fsys)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	default:
		b.readTree(tree)
		b.addStrays(tree)
	}
	return &b.Binding, nil
}

// readKernel finds out which drivers there are, and what they logged.
func (b *binder) readKernel() error {
	for _, d := range drivers {
		_, err := fs.Stat(b.fsys, path.Join("sys/bus", d.bus, "drivers", d.name))
		switch {
		case err == nil:
			b.drivers = append(b.drivers, d)
		case !errors.Is(err, fs.ErrNotExist):
			return err
		}
	}
	if release, err := fs.ReadFile(b.fsys, "proc/sys/kernel/osrelease"); err == nil {
		modules, builtin := kernel.LoadAliases(b.fsys, strings.TrimSpace(string(release)))
		b.aliases, b.listed = append(modules, builtin...), len(modules) > 0 && len(builtin) > 0
	}
	log, err := kernel.Log(b.fsys)
	b.errnos = parseProbeErrors(strings.Join(log, "\n"))
	deferred, unknown := fs.ReadFile(b.fsys, "sys/kernel/debug/devices_deferred") // debugfs may not be there
	b.waiting = parseDeferred(string(deferred))
	if err = cmp.Or(err, unknown); err != nil {
		b.DeferredErr = err.Error()
	}
	return nil
}

// parseDeferred reads the text of devices_deferred: a device and, behind a tab,
// the reason that its driver gave (drivers/base/dd.c, deferred_devs_show).
func parseDeferred(text string) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(text) {
		name, reason, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if name != "" {
			out[name] = strings.TrimSpace(reason)
		}
	}
	return out
}

// readNamespace looks at the devices that Linux made from the namespace: it
// makes one for each that is present. Regions bear their names.
func (b *binder) readNamespace() {
	named := map[string]bool{}
	for _, d := range b.devices {
		if d.Node == "" {
			continue
		}
		named[d.Name] = true
		hid, _, _ := strings.Cut(d.Name, ":")
		b.add(&Node{Path: d.Name, Device: d.Name}, d.Driver, hid == slotHID, func(k driver) bool { return slices.Contains(k.hid, hid) })
	}
	for i := range b.regions {
		if r := &b.regions[i]; !named[owner(r)] {
			b.Registers = append(b.Registers, Use{r.String(), r.Name})
		}
	}
}

// add adds a described device: if no driver has bound, with what the kernel logged
// about it, and if no driver is known for it, only by its name.
func (b *binder) add(n *Node, bound string, slot bool, isFor func(driver) bool) {
	n.Errno = b.errnos[n.Device]
	n.Reason, n.Deferred = b.waiting[n.Device]
	if at := slices.IndexFunc(b.drivers, isFor); at >= 0 {
		n.Driver, n.Sure = b.drivers[at].name, b.DeferredErr == ""
	}
	explained := n.Errno != 0 || n.Deferred
	switch {
	case bound != "":
		b.Bound++
	case slot && !explained:
		b.Slots++
	case explained || n.Driver != "":
		b.Unbound = append(b.Unbound, *n)
	case len(b.NoDriverKnown) < maxNames:
		b.NoDriverKnown = append(b.NoDriverKnown, n.Path)
		if !b.listed && b.node != nil && !needsNoDriver(b.node) {
			b.MaybeNoDriver = append(b.MaybeNoDriver, n.Path)
		}
	}
}

// addInterrupts keeps the GIC's.
func (b *binder) addInterrupts(all []gic.Interrupt) {
	for i := range all {
		if !isGICs(&all[i]) {
			continue
		}
		if b.lines = append(b.lines, all[i]); all[i].Action("arch_timer") {
			b.Timer = all[i].Hardware()
		}
	}
}

// owner returns the name of the device that a region belongs to. The name of the
// device's node may follow it.
func owner(r *memory.Region) string {
	name, _, _ := strings.Cut(r.Name, " ")
	return name
}

// addRegions keeps the regions of the top level that are no memory, and finds the
// addresses that special ACPI tables name.
func (b *binder) addRegions(regions []memory.Region) {
	for i := range regions {
		r := &regions[i]
		if r.Name == "PCI ECAM" { // drivers/pci/ecam.c
			b.ECAM = append(b.ECAM, r.Range)
		}
		if r.Depth > 0 || isMemory(r) {
			continue
		}
		b.regions = append(b.regions, *r)
		for k := range b.devices {
			if d := &b.devices[k]; d.Driver == "sbsa-uart" && d.Name == owner(r) {
				b.Serial = append(b.Serial, r.Range)
			}
		}
	}
}
