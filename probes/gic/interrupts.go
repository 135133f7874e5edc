package gic

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// An Interrupt is one line of /proc/interrupts.
type Interrupt struct {
	Name   string   // what stands before the colon: a number, or a name such as IPI0
	Counts []uint64 // one for each CPU of the header line
	Fields []string // what follows the counts: the chip, the hardware number, the trigger, the actions
}

// Chip is the interrupt controller's name as its driver gives it, such as GICv3,
// GIC-0 or "Hyper-V PCIe MSI"; empty for lines that are not a device's.
func (i Interrupt) Chip() string {
	chip, _ := i.split()
	return chip
}

// Hardware is the interrupt's number at its controller, as it stands behind the
// controller's name; 0 for one that has none there.
func (i Interrupt) Hardware() uint32 {
	_, number := i.split()
	n, err := strconv.ParseUint(number, 10, 32)
	if err != nil {
		return 0
	}
	return uint32(n)
}

// split returns the controller's name, which can have blanks, and the number
// behind it. What is before the trigger are these two.
func (i Interrupt) split() (chip, number string) {
	if _, err := strconv.ParseUint(i.Name, 10, 32); err != nil || len(i.Fields) == 0 {
		return "", ""
	}
	end := i.trigger()
	if end < 1 { // a kernel that shows none
		end = 1
		if len(i.Fields) > 1 && isNumber(i.Fields[1]) {
			end = 2
		}
	}
	if last := i.Fields[end-1]; end > 1 && isNumber(last) {
		return strings.Join(i.Fields[:end-1], " "), last
	}
	return strings.Join(i.Fields[:end], " "), ""
}

func isNumber(field string) bool { return strings.Trim(field, "0123456789") == "" }

// Action tells whether name is among the devices that use the interrupt.
func (i Interrupt) Action(name string) bool {
	return slices.ContainsFunc(i.Fields, func(f string) bool { return strings.TrimSuffix(f, ",") == name })
}

// maxInterrupts bounds the lines that are read, and maxLine their length: each
// takes eleven bytes for a CPU.
const (
	maxInterrupts = 1 << 16
	maxLine       = 1 << 20
)

// ParseInterrupts reads the text of /proc/interrupts (fs/proc/interrupts.c,
// kernel/irq/proc.c): a header with a column for each online CPU, then a line
// for each interrupt. Lines shorter than the header, such as "Err:", keep the
// counts they have.
func ParseInterrupts(r io.Reader) (cpus []int, interrupts []Interrupt, err error) {
	in := bufio.NewScanner(r)
	in.Buffer(nil, maxLine)
	if !in.Scan() {
		return nil, nil, errors.Join(in.Err(), errors.New("no header line"))
	}
	if cpus, err = parseColumns(in.Text()); err != nil {
		return nil, nil, err
	}
	for in.Scan() {
		name, rest, ok := strings.Cut(in.Text(), ":")
		if name = strings.TrimSpace(name); !ok || name == "" {
			return nil, nil, fmt.Errorf("line %d: no interrupt before a colon", len(interrupts)+2)
		}
		if len(interrupts) == maxInterrupts {
			return nil, nil, fmt.Errorf("more than %d lines", maxInterrupts)
		}
		interrupts = append(interrupts, parseInterrupt(name, rest, len(cpus)))
	}
	return cpus, interrupts, in.Err()
}

func parseColumns(header string) ([]int, error) {
	var cpus []int
	for _, column := range strings.Fields(header) {
		n, err := strconv.ParseUint(strings.TrimPrefix(column, "CPU"), 10, 16)
		if err != nil || !strings.HasPrefix(column, "CPU") {
			return nil, fmt.Errorf("header column %q is not a CPU", column)
		}
		cpus = append(cpus, int(n))
	}
	if len(cpus) == 0 {
		return nil, errors.New("header names no CPU")
	}
	return cpus, nil
}

func parseInterrupt(name, rest string, cpus int) Interrupt {
	i := Interrupt{Name: name}
	for len(i.Counts) < cpus {
		rest = strings.TrimLeft(rest, " ")
		field, behind, _ := strings.Cut(rest, " ")
		n, err := strconv.ParseUint(field, 10, 64)
		if err != nil {
			break
		}
		i.Counts, rest = append(i.Counts, n), behind
	}
	i.Fields = strings.Fields(rest)
	return i
}

// LoadInterrupts reads the guest's /proc/interrupts.
func LoadInterrupts(fsys fs.FS) ([]int, []Interrupt, error) {
	f, err := fsys.Open("proc/interrupts")
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	cpus, interrupts, err := ParseInterrupts(f)
	if err != nil {
		return nil, nil, fmt.Errorf("parse proc/interrupts: %w", err)
	}
	return cpus, interrupts, nil
}

// A Message is an interrupt that a PCI device sends as a message.
type Message struct {
	Chip  string // ITS-MSI
	Count uint64
	Users []string // such as virtio0-config
}

// Messages picks them out. Their chips are MSI for a GICv2m, ITS-MSI for an
// ITS, and since Linux 6.11 end in the function's address, such as
// ITS-PCI-MSIX-0000:00:01.0; a hypervisor's own can be "Hyper-V PCIe MSI". Those
// of platform devices have pMSI.
func Messages(interrupts []Interrupt) []Message {
	var out []Message
	for _, i := range interrupts {
		if chip := i.Chip(); strings.Contains(chip, "MSI") && !strings.Contains(chip, "pMSI") {
			out = append(out, Message{Chip: chip, Count: i.Total(), Users: i.Users()})
		}
	}
	return out
}

// Total adds up what all CPUs counted.
func (i Interrupt) Total() uint64 {
	var n uint64
	for _, c := range i.Counts {
		n += c
	}
	return n
}

// triggers end what stands between a chip and the interrupt's users.
var triggers = []string{"Edge", "Level", "None"}

// trigger returns where that stands, or less than 0.
func (i Interrupt) trigger() int {
	return slices.IndexFunc(i.Fields, func(f string) bool { return slices.Contains(triggers, f) })
}

// Users are the devices that use the interrupt. Their names may have spaces.
func (i Interrupt) Users() []string {
	at := i.trigger()
	if at < 0 || at+1 == len(i.Fields) {
		return nil
	}
	return strings.Split(strings.Join(i.Fields[at+1:], " "), ", ")
}
