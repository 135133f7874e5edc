package trial

import (
	"bytes"
	"io/fs"
	"net"
	"slices"
	"time"

	"vmspec/probes/disk"
	"vmspec/probes/hotplug"
	"vmspec/probes/look"
	"vmspec/probes/note"
)

// lookAt looks at a device that has come: a disk's ends, an interface's link.
func lookAt(root fs.FS, d *hotplug.Device) {
	if d.Kind == hotplug.Block {
		lookAtDisk(root, d)
		return
	}
	l, err := openLink(root, d.Came.Name)
	if err == nil {
		defer l.close()
	}
	lookAtLink(l, err, d)
	i, _ := net.InterfaceByName(d.Came.Name)
	d.Address = addressKind(i)
}

func lookAtDisk(root fs.FS, d *hotplug.Device) {
	disks, err := disk.Read(root)
	at := slices.IndexFunc(disks, func(o disk.Disk) bool { return o.Name == d.Came.Name })
	if err != nil || at < 0 {
		d.Reads = []disk.Reading{{Result: note.Result(fs.ErrNotExist)}}
		return
	}
	r, err := look.OpenDisk(d.Came.Name)
	if err != nil {
		d.Reads = []disk.Reading{{Result: note.Result(err)}}
		return
	}
	defer r.Close()
	readEnds(disks[at], r, d)
}

// readEnds reads a disk's first and last block, and what they say.
func readEnds(o disk.Disk, r look.BlockReader, d *hotplug.Device) {
	if o.Block == 0 || o.Block > maxBlock {
		return
	}
	ours, theirs := 0, false
	block := aligned(int(o.Block))
	for _, at := range []uint64{0, o.Last()} {
		err := look.ReadWhole(r, block, int64(at))
		d.Reads = append(d.Reads, disk.Reading{Offset: at, Result: note.Result(err)})
		switch {
		case err != nil:
		case bytes.HasPrefix(block, []byte(hotplug.MarkOf(d.Nonce))):
			ours++
		default:
			theirs = theirs || hotplug.IsMark(block)
		}
	}
	d.Mark = markWord(ours, theirs)
}

func markWord(ours int, theirs bool) string {
	switch {
	case theirs:
		return hotplug.MarkOthers
	case ours == 2:
		return hotplug.MarkOurs
	case ours == 1:
		return hotplug.MarkHalf
	}
	return hotplug.MarkNone
}

// How long an interface may take for its link.
const linkMost = 1500 * time.Millisecond

// lookAtLink brings an interface up and waits for its link.
func lookAtLink(l link, err error, d *hotplug.Device) {
	if err == nil {
		err = l.up()
	}
	if d.Up = note.Result(err); err != nil {
		return
	}
	carried := l.carrier()
	for range linkMost / networkPoll {
		if carried {
			break
		}
		time.Sleep(networkPoll)
		carried = l.carrier()
	}
	d.Carrier = &carried
}

// addressKind says what is wrong with an interface's address, or "unicast".
func addressKind(i *net.Interface) string {
	switch {
	case i == nil || len(i.HardwareAddr) == 0:
		return "none"
	case bytes.Equal(i.HardwareAddr, make([]byte, len(i.HardwareAddr))):
		return "zero"
	case i.HardwareAddr[0]&1 != 0: // the bit of a group: IEEE 802, 8.2.2
		return "group"
	}
	return "unicast"
}
