package console

import (
	"fmt"
	"io/fs"

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

// InputRequest begins the line, behind it the word, by which a guest asks
// whoever reads a console to type the word there and Enter.
const InputRequest = "# vmspec: input please type "

// InputNote is what was typed on the terminals.
type InputNote struct{ Inputs []Input }

// An Input is a terminal on which somebody was asked to type a word.
type Input struct {
	Terminal string
	Word     string
	Asked    string // "ok" or the kernel's error
	Typed    string // what came in time; empty for nothing
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
	for _, i := range n.Inputs {
		if i.Asked == "" {
			return n.Inputs, fmt.Errorf("vmspec/input: %s typed %.80q, and was not asked", i.Terminal, i.Typed)
		}
	}
	return n.Inputs, nil
}
