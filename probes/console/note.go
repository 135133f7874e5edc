package console

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"vmspec/probes/gic"
	"vmspec/probes/note"
)

// PortsNote is what became of the ports that the suite opened.
type PortsNote struct{ Ports []Port }

// A Port is one of a virtio console that is no terminal, and that the suite
// opened for a moment.
type Port struct {
	Name   string // vport1p1
	Result string // "ok" or the kernel's error, "ENXIO no such device or address"
}

// Format declares vmspec/ports.
func (n *PortsNote) Format() note.Format {
	return note.Format{Name: "ports", Doc: "which ports of a virtio console could be opened", Rows: []note.Row{
		note.Each(&n.Ports, func(p *Port) note.Row {
			return note.Line("port", "", note.Word("DEVICE", &p.Name), note.Words("RESULT", &p.Result))
		}),
	}}
}

func readPorts(fsys fs.FS) ([]Port, error) {
	var n PortsNote
	err := note.Read(fsys, &n)
	return n.Ports, err
}

// InputNote is what was typed on the terminals.
type InputNote struct{ Inputs []Input }

// An Input is a terminal on which somebody was asked to type a word.
type Input struct {
	Terminal string
	Word     string
	Asked    string // "ok" or the kernel's error
	Typed    string // what came in time; empty for nothing
	Quiet    bool   `json:",omitempty"` // nothing came, and no interrupt of its device
}

// Format declares vmspec/input.
func (n *InputNote) Format() note.Format {
	return note.Format{Name: "input", Doc: "what was typed on the terminals, where that was asked for", Rows: []note.Row{
		note.Group(&n.Inputs, func(i *Input) []note.Row {
			terminal := note.Word("TERMINAL", &i.Terminal)
			return []note.Row{
				note.Line("asked", "", terminal, note.Word("WORD", &i.Word), note.Words("RESULT", &i.Asked)),
				note.Line("typed", "missing if nothing was typed", terminal, note.Quoted("TEXT", &i.Typed)),
			}
		}),
	}}
}

func readInputs(fsys fs.FS) ([]Input, error) {
	var n InputNote
	if err := note.Read(fsys, &n); err != nil {
		return n.Inputs, err
	}
	for k, i := range n.Inputs {
		if i.Asked == "" {
			return n.Inputs, fmt.Errorf("%s: %s typed %.80q, and was not asked", note.Path(&n), i.Terminal, i.Typed)
		}
		n.Inputs[k].Quiet = i.Typed == "" && quiet(fsys, i.Terminal)
	}
	return n.Inputs, nil
}

// quiet tells whether the device of a terminal of the serial core has raised no
// interrupt since the start: "0: uart:PL011 rev1 mmio:0x09000000 irq:13 tx:354 rx:9".
func quiet(fsys fs.FS, terminal string) bool {
	driver, line, ok := cutNumber(terminal)
	text, err := fs.ReadFile(fsys, path.Join("proc/tty/driver", driverFile(driver)))
	if !ok || err != nil {
		return false
	}
	number := ""
	for l := range strings.Lines(string(text)) {
		if rest, ours := strings.CutPrefix(l, strconv.Itoa(line)+": uart:"); ours {
			_, number, _ = strings.Cut(rest, " irq:")
			number, _, _ = strings.Cut(number, " ")
		}
	}
	_, interrupts, err := gic.LoadInterrupts(fsys)
	at := slices.IndexFunc(interrupts, func(i gic.Interrupt) bool { return i.Name == number })
	return err == nil && at >= 0 && interrupts[at].Total() == 0
}

// portKinds reads from debugfs which ports of a virtio console are consoles, by
// name (drivers/char/virtio_console.c, port_debugfs_show).
func portKinds(fsys fs.FS) map[string]bool {
	const dir = "sys/kernel/debug/virtio-ports"
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil {
		return nil
	}
	kinds := map[string]bool{}
	for _, e := range entries {
		text, err := fs.ReadFile(fsys, path.Join(dir, e.Name()))
		_, answer, said := strings.Cut(string(text), "is_console: ")
		if err == nil && said {
			kinds[e.Name()] = strings.HasPrefix(answer, "yes")
		}
	}
	return kinds
}

// VirtioConsole tells whether a port of the virtio consoles is a console, by
// debugfs and by what became of those that the suite opened: Linux answers ENXIO
// for a console (drivers/char/virtio_console.c, port_fops_open). Known is false
// where neither says so.
func (f *Facts) VirtioConsole() (is, known bool) {
	known = f.PortsErr == "" || len(f.PortKinds) > 0
	for _, console := range f.PortKinds {
		is = is || console
	}
	for _, p := range f.Ports {
		is = is || strings.HasPrefix(p.Result, "ENXIO ")
		known = known && (p.Result == "ok" || strings.HasPrefix(p.Result, "EBUSY ") || is || len(f.PortKinds) > 0)
	}
	return is, is || known
}
