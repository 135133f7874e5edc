package network

import "vmspec/probes/note"

// Note is what was seen of the interfaces that the suite brought up.
type Note struct{ Interfaces []Trial }

// A Trial is what was seen of an interface that the suite brought up, and on
// which it asked for an address by DHCP.
type Trial struct {
	Name    string  `json:"-"`
	Up      string  // "ok" or the kernel's error; empty if it was not tried
	Carrier *bool   // nil where that was not seen
	Ask     string  // "ok" or the kernel's error in sending; empty if it was not tried
	Offer   *uint64 // milliseconds until the answer; nil if there was none
	Err     string  // why there is no more of it
}

// Format declares vmspec/network.
func (n *Note) Format() note.Format {
	return note.Format{Name: "network", Doc: "the interfaces brought up, and who offered an address", Rows: []note.Row{
		note.Group(&n.Interfaces, func(t *Trial) []note.Row {
			name := note.Word("INTERFACE", &t.Name)
			return []note.Row{
				note.Line("up", "", name, note.Words("RESULT", &t.Up)),
				note.Maybe(&t.Carrier, func(c *bool) note.Row { return note.Line("carrier", "", name, note.Bit("0|1", c)) }),
				note.Line("ask", "missing if there is no carrier", name, note.Words("RESULT", &t.Ask)),
				note.Maybe(&t.Offer, func(o *uint64) note.Row {
					return note.Line("offer", "", name, note.Uint("MILLISECONDS", o))
				}),
			}
		}),
	}}
}

// of returns what was seen of an interface.
func (n *Note) of(name string) Trial {
	for _, t := range n.Interfaces {
		if t.Name == name {
			return t
		}
	}
	return Trial{}
}
