package report

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Seen is what a guest saw of its VM, for a host that knows what its vendor
// claims. What the guest could not tell is not in it.
//
//	# vmspec: seen cpus=2 memory=512 ram=505 gic=3 nics=0 rng=1 balloon=0 tpm=0 consoles=pl011 disks=vda:4194304
type Seen struct {
	Numbers  map[string]uint64
	Consoles []string // their kinds, of consoleKinds; nil if unknown
	Disks    []Disk   // nil if unknown
}

// A Disk is a block device.
type Disk struct {
	Name  string
	Bytes uint64
}

// Keys of Numbers.
const (
	SeenCPUs    = "cpus"    // that the description enables
	SeenCapable = "capable" // CPUs that it calls online capable, beside them
	SeenMemory  = "memory"  // MiB that the description's memory nodes have
	SeenRAM     = "ram"     // MiB of RAM that Linux has; firmware keeps some for itself
	SeenGIC     = "gic"     // version
	SeenNICs    = "nics"
	SeenRNG     = "rng"
	SeenBalloon = "balloon"
	SeenTPM     = "tpm"
)

var seenKeys = [...]string{SeenCPUs, SeenCapable, SeenMemory, SeenRAM, SeenGIC, SeenNICs, SeenRNG, SeenBalloon, SeenTPM}

// OtherConsole is the kind of a console that is none of the others.
const OtherConsole = "other"

var consoleKinds = []string{"pl011", "sbsa", "virtio", "xen", "16550", OtherConsole}

// ConsoleKinds lists what consoles are called.
func ConsoleKinds() []string { return slices.Clone(consoleKinds) }

const (
	seenMark    = Mark + "seen"
	consolesKey = "consoles"
	disksKey    = "disks"
)

// line writes it. A list that is empty has a value that is empty.
func (s *Seen) line() string {
	var b strings.Builder
	b.WriteString(seenMark)
	for _, key := range seenKeys {
		if n, known := s.Numbers[key]; known {
			b.WriteString(" " + key + "=" + strconv.FormatUint(n, 10))
		}
	}
	if s.Consoles != nil {
		b.WriteString(" " + consolesKey + "=" + strings.Join(s.Consoles, ","))
	}
	for i, d := range s.Disks {
		b.WriteString(map[bool]string{true: " " + disksKey + "=", false: ","}[i == 0])
		b.WriteString(word(d.Name) + ":" + strconv.FormatUint(d.Bytes, 10))
	}
	if s.Disks != nil && len(s.Disks) == 0 {
		b.WriteString(" " + disksKey + "=")
	}
	return b.String()
}

// word is a name as one word of the line.
func word(name string) string {
	return strings.Map(func(c rune) rune {
		if c <= ' ' || c > '~' || strings.ContainsRune(",:=", c) {
			return '_'
		}
		return c
	}, name)
}

var errSeen = errors.New("what its frames say of what the guest saw cannot be read")

// parseSeen reads what line wrote; ok tells whether it is such a line. Keys that it
// does not know are of a later version.
func parseSeen(line string) (s *Seen, ok bool, err error) {
	text, ok := strings.CutPrefix(line, seenMark)
	if !ok || text != "" && text[0] != ' ' {
		return nil, false, nil
	}
	s = &Seen{Numbers: map[string]uint64{}}
	for field := range strings.FieldsSeq(text) {
		key, value, _ := strings.Cut(field, "=")
		if err := s.set(key, value); err != nil {
			return nil, true, fmt.Errorf("%w: %q", errSeen, field)
		}
	}
	return s, true, nil
}

func (s *Seen) set(key, value string) (err error) {
	switch {
	case key == consolesKey:
		s.Consoles = items(value)
	case key == disksKey:
		s.Disks, err = parseDisks(value)
	case slices.Contains(seenKeys[:], key):
		s.Numbers[key], err = strconv.ParseUint(value, 10, 64)
	}
	return err
}

// items splits a list; an empty one is not nil.
func items(value string) []string {
	if value == "" {
		return []string{}
	}
	return strings.Split(value, ",")
}

func parseDisks(value string) ([]Disk, error) {
	disks := []Disk{}
	for _, item := range items(value) {
		name, size, _ := strings.Cut(item, ":")
		bytes, err := strconv.ParseUint(size, 10, 64)
		if err != nil {
			return nil, err
		}
		disks = append(disks, Disk{name, bytes})
	}
	return disks, nil
}
