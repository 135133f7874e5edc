package image

import "vmspec/probes/note"

// Note is what was read of the disk from which the guest was booted.
type Note struct {
	None      string // why there is no such disk
	Boot      *Boot
	Partition string
	Loader    string
	Blocks    []Block
	Unread    []Unread
}

// Boot is that disk.
type Boot struct {
	Name         string
	Size, Sector uint64 // bytes
	By           string // how it was found
}

// A Block is a stretch of the disk as it was read, without zeroes at its end.
type Block struct {
	Offset, Length uint64
	Data           []byte
}

// Unread is a stretch that could not be read.
type Unread struct {
	Offset, Length uint64
	Result         string
}

// Format declares vmspec/image.
func (n *Note) Format() note.Format {
	return note.Format{Name: "image", Doc: "what was read of the disk from which the guest was booted", Rows: []note.Row{
		note.Line("none", "the guest was booted from no disk", note.Word("REASON", &n.None)),
		note.Maybe(&n.Boot, func(b *Boot) note.Row {
			return note.Line("disk", "sizes in bytes, and how the disk was found",
				note.Word("NAME", &b.Name), note.Uint("SIZE", &b.Size), note.Uint("SECTOR", &b.Sector), note.Word("HOW", &b.By))
		}),
		note.Line("partition", "from which the guest was booted, if that is known", note.Word("GUID", &n.Partition)),
		note.Line("loader", "the program that the firmware started", note.Quoted("PATH", &n.Loader)),
		note.Each(&n.Blocks, func(b *Block) note.Row {
			return note.Line("block", "what was read, without zeroes at its end",
				note.Uint("OFFSET", &b.Offset), note.Uint("LENGTH", &b.Length), note.Base64("BASE64", &b.Data))
		}),
		note.Each(&n.Unread, func(u *Unread) note.Row {
			return note.Line("unread", "", note.Uint("OFFSET", &u.Offset), note.Uint("LENGTH", &u.Length), note.Words("RESULT", &u.Result))
		}),
	}}
}
