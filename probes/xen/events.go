package xen

import (
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"vmspec/probes/gic"
	"vmspec/probes/kernel"
)

// Events are the interrupts by which Xen calls the guest.
type Events struct {
	Upcall   *uint64 // of the interrupt that announces events; nil if there is none
	Channels []Channel
}

// A Channel is an event channel that the kernel has bound.
type Channel struct {
	User  string // xenbus, hvc_console, vbd
	Count uint64
}

// Grants are what the kernel logged of its grant table.
type Grants struct {
	Version string // of its layout; empty if the log says nothing of one
	Whole   bool   // the log reaches back to the boot
}

// readWitnesses reads sources of which each may be missing on its own.
func (f *Facts) readWitnesses(fsys fs.FS) {
	data, err := fs.ReadFile(fsys, "sys/hypervisor/properties/features")
	if err == nil {
		f.Features, err = parseFeatures(string(data))
	}
	f.FeaturesErr = message(err)
	_, interrupts, err := gic.LoadInterrupts(fsys)
	if f.EventsErr = message(err); err == nil {
		f.Events = countEvents(interrupts)
	}
	log, err := kernel.Log(fsys)
	if f.GrantsErr = message(err); err == nil {
		f.Grants = findGrants(log)
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// parseFeatures reads the submaps, eight hexadecimal digits each and the first
// one last (drivers/xen/sys-hypervisor.c, features_show).
func parseFeatures(text string) (*uint32, error) {
	digits := strings.TrimSpace(text)
	n, err := strconv.ParseUint(digits[max(0, len(digits)-8):], 16, 32)
	if err != nil || len(digits)%8 != 0 {
		return nil, fmt.Errorf("parse features: %.80q", text)
	}
	first := uint32(n)
	return &first, nil
}

// countEvents finds Xen's rows: chips xen-dyn, xen-dyn-lateeoi and xen-percpu
// (drivers/xen/events/events_base.c) behind the one interrupt of the GIC that
// its action calls events (arch/arm/xen/enlighten.c).
func countEvents(interrupts []gic.Interrupt) *Events {
	var e Events
	for _, i := range interrupts {
		switch {
		case strings.HasPrefix(i.Chip(), "xen-"):
			e.Channels = append(e.Channels, Channel{User: i.Fields[len(i.Fields)-1], Count: i.Total()})
		case strings.HasPrefix(i.Chip(), "GIC") && i.Action("events"):
			n := i.Total()
			e.Upcall = &n
		}
	}
	return &e
}

// findGrants looks for the words of drivers/xen/grant-table.c.
func findGrants(log []string) *Grants {
	const layout = "Grant tables using version "
	g := &Grants{Whole: strings.HasPrefix(log[0], "[    0.000000]")}
	at := slices.IndexFunc(log, func(line string) bool { return strings.Contains(line, layout) })
	if at >= 0 {
		_, rest, _ := strings.Cut(log[at], layout)
		g.Version, _, _ = strings.Cut(rest, " ")
	}
	return g
}
