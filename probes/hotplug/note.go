package hotplug

import (
	"vmspec/probes/disk"
	"vmspec/probes/note"
)

// The kinds of devices.
const (
	Block = "block"
	Net   = "net"
)

// Note is what became of the devices that the host was asked to plug.
type Note struct{ Devices []Device }

// A Device is one that the host was asked to plug and, once it had come, to unplug.
type Device struct {
	Kind    string // Block or Net
	Nonce   string // of both requests
	Seconds uint64 // that each request was waited for
	Asked   string // "ok" or the kernel's error
	Plug    string // the host's answer, "done" or "cannot"; empty for none
	Unplug  string // the same of the second request
	Came    *Came  // nil if no device of the kind came
	Others  []Other

	// What was seen of a disk.
	Reads []disk.Reading
	Mark  string // what stood in it: one of the marks below

	// What was seen of a network device.
	Up      string // "ok" or the kernel's error
	Address string // "unicast", or what is wrong with it
	Carrier *bool

	Gone *uint64 // milliseconds until it had gone; nil if it stayed
}

// Came is a device's appearance.
type Came struct {
	Name  string // vda
	Place string // 0000:01:00.0, or vbd-51712 of Xen
	After uint64 // milliseconds
}

// An Other is a device on a bus that came while one of the kind was waited for, and
// was none.
type Other struct {
	Place  string // 0000:01:00.0
	Driver string // "none" if none was bound
}

// What a disk says by its first and last blocks.
const (
	MarkOurs   = "ours"   // both name the request
	MarkHalf   = "half"   // only one of them does
	MarkOthers = "others" // another request
	MarkNone   = "none"
)

// MarkOf is what a disk that is made for a request begins with, and its last block:
// so a guest knows it, and that it sees all of it.
func MarkOf(nonce string) string { return markBegin + nonce + "\n" }

const markBegin = "vmspec hotplug-block "

// IsMark tells whether a block begins with the mark of any request.
func IsMark(block []byte) bool {
	return len(block) >= len(markBegin) && string(block[:len(markBegin)]) == markBegin
}

// Format declares vmspec/hotplug.
func (n *Note) Format() note.Format {
	return note.Format{Name: "hotplug", Doc: "devices that the host was asked to plug, and then to unplug", Rows: []note.Row{
		note.Group(&n.Devices, (*Device).rows),
	}}
}

func (d *Device) rows() []note.Row {
	kind := note.Word("KIND", &d.Kind)
	return []note.Row{
		note.Line("asked", "for a device of the kind", kind, note.Word("NONCE", &d.Nonce), note.Uint("SECONDS", &d.Seconds), note.Words("RESULT", &d.Asked)),
		note.Line("plug", "the host's answer", kind, note.Word("done|cannot", &d.Plug)),
		note.Maybe(&d.Came, func(c *Came) note.Row {
			return note.Line("came", "", kind, note.Word("NAME", &c.Name), note.Word("PLACE", &c.Place), note.Uint("MILLISECONDS", &c.After))
		}),
		note.Each(&d.Others, func(o *Other) note.Row {
			return note.Line("other", "a device that is none of the kind", kind, note.Word("PLACE", &o.Place), note.Word("DRIVER", &o.Driver))
		}),
		note.Each(&d.Reads, func(r *disk.Reading) note.Row {
			return note.Line("block", `of the disk, at this byte; "short BYTES" if fewer came`, kind, note.Uint("OFFSET", &r.Offset), note.Words("RESULT", &r.Result))
		}),
		note.Line("mark", "whether its first and last block name the request", kind, note.Word("ours|half|others|none", &d.Mark)),
		note.Line("up", "the interface", kind, note.Words("RESULT", &d.Up)),
		note.Line("address", "", kind, note.Word("WORD", &d.Address)),
		note.Maybe(&d.Carrier, func(c *bool) note.Row { return note.Line("carrier", "", kind, note.Bit("0|1", c)) }),
		note.Line("unplug", "the host's answer", kind, note.Word("done|cannot", &d.Unplug)),
		note.Maybe(&d.Gone, func(g *uint64) note.Row {
			return note.Line("gone", "after the request", kind, note.Uint("MILLISECONDS", g))
		}),
	}
}
