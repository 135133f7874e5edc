package suite

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes/guest"
)

// The captured guests with devices of many kinds, and on Xen.
const (
	deviceGuest = "qemu-virt-devices"
	xenGuest    = "xen-dom0"

	virtioBus = "sys/bus/virtio/devices/"
	pciBus    = "sys/bus/pci/devices/0000:00:"
	rngPCI    = pciBus + "01.0/" // 0x1005, virtio1
	diskPCI   = pciBus + "03.0/" // 0x1001, virtio3
	portPCI   = pciBus + "08.0/"
)

// set changes bytes of a file.
func set(name string, bytes map[int]byte) change {
	return func(t testing.TB, files *guest.FS) *guest.FS {
		data, err := files.ReadFile(name)
		require.NoError(t, err)
		for at, b := range bytes {
			require.Less(t, at, len(data))
			data[at] = b
		}
		return files.With(map[string][]byte{name: data})
	}
}

// bit switches a feature of a virtio device.
func bit(device string, n int, to byte) change {
	return set(virtioBus+device+"/features", map[int]byte{n: to})
}

// silent takes the counts of the message interrupts away.
func silent(t testing.TB, files *guest.FS) *guest.FS {
	data, err := files.ReadFile("proc/interrupts")
	require.NoError(t, err)
	var out strings.Builder
	for line := range strings.Lines(string(data)) {
		if name, rest, ok := strings.Cut(line, "ITS-MSI"); ok {
			number, counts, _ := strings.Cut(name, ":")
			line = number + ":" + strings.Repeat(" 0", len(strings.Fields(counts))) + " ITS-MSI" + rest
		}
		out.WriteString(line)
	}
	return files.With(map[string][]byte{"proc/interrupts": []byte(out.String())})
}

// virtioPCI are the functions of virtio devices in deviceGuest that have MSI-X.
var virtioPCI = []string{"01.0", "02.0", "03.0", "04.0", "05.0", "07.0"}

// noMSIX disables MSI-X in all of them.
func noMSIX(t testing.TB, files *guest.FS) *guest.FS {
	for _, fn := range virtioPCI {
		files = set(pciBus+fn+"/config", map[int]byte{0x9b: 0})(t, files)
	}
	return files
}

// modernID makes the generator a device that is not transitional.
var modernID = set(rngPCI+"config", map[int]byte{0x08: 1, 0x2e: 0, 0x2f: 0x11})

var deviceMutants = []mutant{
	// Status.
	{
		name: "a device that needs a reset", guest: deviceGuest, change: replace(virtioBus+"virtio4/status", "0x0000004f\n"),
		want:    map[string]Verdict{"PLAT-VIRTIO-STATUS": Fail},
		problem: map[string]string{"PLAT-VIRTIO-STATUS": "virtio4, virtio-net on pci: status 0x4f needs a reset"},
	},
	{
		name: "a device that forgets FEATURES_OK", guest: deviceGuest, change: replace(virtioBus+"virtio0/status", "0x00000007\n"),
		want:    map[string]Verdict{"PLAT-VIRTIO-STATUS": Fail},
		problem: map[string]string{"PLAT-VIRTIO-STATUS": "virtio0, virtio-block on mmio: status 0x7 lost FEATURES_OK"},
	},
	{
		name: "a device that forgets who it is driven by", guest: deviceGuest, change: replace(virtioBus+"virtio0/status", "0x0000000c\n"),
		want: map[string]Verdict{"PLAT-VIRTIO-STATUS": Fail},
	},
	{
		name: "a device that was reset behind its driver's back", guest: deviceGuest, change: replace(virtioBus+"virtio0/status", "0x00000000\n"),
		want: map[string]Verdict{"PLAT-VIRTIO-STATUS": Fail},
	},
	{
		name: "a legacy device without FEATURES_OK", guest: deviceGuest,
		change: all(bit("virtio0", 32, '0'), replace(virtioBus+"virtio0/status", "0x00000007\n")),
		want:   map[string]Verdict{"PLAT-VIRTIO-MODERN": Fail},
	},
	{
		name: "a driver that gave up", guest: deviceGuest,
		change: all(remove(virtioBus+"virtio4/driver"), replace(virtioBus+"virtio4/status", "0x00000083\n")),
		want:   map[string]Verdict{},
	},
	{
		name: "a device without a driver", guest: deviceGuest,
		change: all(remove(virtioBus+"virtio4/driver"), replace(virtioBus+"virtio4/status", "0x00000001\n"),
			replace(virtioBus+"virtio4/features", strings.Repeat("0", 64)+"\n")),
		want: map[string]Verdict{},
	},
	{
		name: "a driver that is still starting", guest: deviceGuest, change: replace(virtioBus+"virtio4/status", "0x0000000b\n"),
		want: map[string]Verdict{},
	},
	{
		name: "a status bit of a later version", guest: deviceGuest, change: replace(virtioBus+"virtio4/status", "0x0000001f\n"),
		want: map[string]Verdict{},
	},
	{
		name: "no driver at all", guest: directGuest,
		change: all(replace(virtioBus+"virtio0/status", "0x00000001\n"), replace(virtioBus+"virtio1/status", "0x00000001\n"),
			replace(virtioBus+"virtio0/features", ""), replace(virtioBus+"virtio1/features", "")),
		want: map[string]Verdict{"PLAT-VIRTIO-STATUS": Error, "PLAT-VIRTIO-FEATURES": Error, "PLAT-VIRTIO-MODERN": Error},
	},
	// Features.
	{
		name: "control of reception without a control queue", guest: deviceGuest, change: all(bit("virtio4", 17, '0'), bit("virtio4", 19, '0'), bit("virtio4", 21, '0'), bit("virtio4", 23, '0')),
		want:    map[string]Verdict{"PLAT-VIRTIO-FEATURES": Fail},
		problem: map[string]string{"PLAT-VIRTIO-FEATURES": "virtio4, virtio-net on pci: CTRL_RX (bit 18) without bit 17, 5.1.3.1"},
	},
	{
		name: "a driver that gave up for that reason", guest: deviceGuest,
		change: all(bit("virtio4", 17, '0'), remove(virtioBus+"virtio4/driver"), replace(virtioBus+"virtio4/status", "0x0000008b\n")),
		want:   map[string]Verdict{"PLAT-VIRTIO-FEATURES": Fail},
	},
	{
		name: "ECN without segmentation", guest: deviceGuest, change: bit("virtio4", 13, '1'),
		want:    map[string]Verdict{"PLAT-VIRTIO-FEATURES": Fail},
		problem: map[string]string{"PLAT-VIRTIO-FEATURES": "HOST_ECN (bit 13) without bit 11 or 12"},
	},
	{
		name: "ECN with segmentation", guest: deviceGuest, change: all(bit("virtio4", 13, '1'), bit("virtio4", 12, '1'), bit("virtio4", 0, '1')),
		want: map[string]Verdict{},
	},
	{
		name: "a disk whose cache can be switched and not flushed", guest: deviceGuest, change: bit("virtio3", 9, '0'),
		want:    map[string]Verdict{"PLAT-VIRTIO-FEATURES": Fail},
		problem: map[string]string{"PLAT-VIRTIO-FEATURES": "CONFIG_WCE (bit 11) without bit 9, 5.2.5.2"},
	},
	{
		name: "a feature above a legacy device's 32", guest: deviceGuest, change: bit("virtio3", 32, '0'),
		want:    map[string]Verdict{"PLAT-VIRTIO-FEATURES": Fail, "PLAT-VIRTIO-MODERN": Fail},
		problem: map[string]string{"PLAT-VIRTIO-FEATURES": "bit 40 without VERSION_1"},
	},
	{
		name: "features of later versions", guest: deviceGuest, change: all(bit("virtio3", 41, '1'), bit("virtio3", 43, '1'), bit("virtio5", 24, '1')),
		want: map[string]Verdict{},
	},
	{
		name: "bits that mean something else in another device", guest: deviceGuest, change: all(bit("virtio5", 18, '1'), bit("virtio5", 11, '1')),
		want: map[string]Verdict{},
	},
	// IDs.
	{
		name: "a transitional device of revision 1", guest: deviceGuest, change: set(rngPCI+"config", map[int]byte{0x08: 1}),
		want:    map[string]Verdict{"PLAT-VIRTIO-IDS": Fail},
		problem: map[string]string{"PLAT-VIRTIO-IDS": "0000:00:01.0: transitional device 0x1005 of revision 1, want 0"},
	},
	{
		name: "a transitional device with another's type", guest: deviceGuest, change: set(rngPCI+"config", map[int]byte{0x2e: 1}),
		want:    map[string]Verdict{"PLAT-VIRTIO-IDS": Fail},
		problem: map[string]string{"PLAT-VIRTIO-IDS": "the subsystem ID is that of type 1, the device is of type 4"},
	},
	{
		name: "a device that is not transitional", guest: deviceGuest, change: all(replace(rngPCI+"device", "0x1044\n"), modernID),
		want: map[string]Verdict{},
	},
	{
		name: "one of revision 0", guest: deviceGuest, change: replace(rngPCI+"device", "0x1044\n"),
		want:    map[string]Verdict{"PLAT-VIRTIO-IDS": Fail},
		problem: map[string]string{"PLAT-VIRTIO-IDS": "device 0x1044 of revision 0, want 1 or higher"},
	},
	{
		name: "one with another's ID", guest: deviceGuest, change: all(replace(rngPCI+"device", "0x1045\n"), modernID),
		want: map[string]Verdict{"PLAT-VIRTIO-IDS": Fail},
	},
	{
		name: "one of a type that this suite does not know", guest: deviceGuest,
		change: all(replace(rngPCI+"device", "0x1075\n"), modernID, replace(virtioBus+"virtio1/device", "0x0035\n")),
		want:   map[string]Verdict{},
	},
	{
		name: "IDs of a vendor's own", guest: deviceGuest, change: all(replace(rngPCI+"vendor", "0x1d0f\n"), replace(rngPCI+"device", "0xefa0\n"), modernID),
		want: map[string]Verdict{},
	},
	{
		name: "a configuration space that cannot be read", guest: deviceGuest, change: remove(rngPCI + "config"),
		want:    map[string]Verdict{"PLAT-VIRTIO-IDS": Error, "PLAT-VIRTIO-PCI": Error, "PLAT-PCI-CONFIG": Error},
		problem: map[string]string{"PLAT-PCI-CONFIG": "does not exist"},
	},
	// Structures.
	{
		name: "no ISR structure", guest: deviceGuest, change: set(rngPCI+"config", map[int]byte{0x53: 9}),
		want:    map[string]Verdict{"PLAT-VIRTIO-PCI": Fail},
		problem: map[string]string{"PLAT-VIRTIO-PCI": "0000:00:01.0: no structure virtio isr"},
	},
	{
		name: "no configuration of a disk", guest: deviceGuest, change: set(diskPCI+"config", map[int]byte{0x63: 9}),
		want:    map[string]Verdict{"PLAT-VIRTIO-PCI": Fail},
		problem: map[string]string{"PLAT-VIRTIO-PCI": "0000:00:03.0: no structure virtio device"},
	},
	{
		name: "no configuration of a generator, which has none", guest: deviceGuest, change: set(rngPCI+"config", map[int]byte{0x63: 9}),
		want: map[string]Verdict{},
	},
	{
		name: "a structure that ends behind its BAR", guest: deviceGuest, change: set(rngPCI+"config", map[int]byte{0x7d: 0x11}),
		want:    map[string]Verdict{"PLAT-VIRTIO-PCI": Fail},
		problem: map[string]string{"PLAT-VIRTIO-PCI": "virtio notify at 0x3000+0x1100, BAR 4 has 0x4000 bytes"},
	},
	{
		name: "a structure in a BAR that is not there", guest: deviceGuest, change: set(rngPCI+"config", map[int]byte{0x44: 2}),
		want:    map[string]Verdict{"PLAT-VIRTIO-PCI": Fail},
		problem: map[string]string{"PLAT-VIRTIO-PCI": "virtio common in BAR 2, which is not there"},
	},
	{
		name: "a structure that is not aligned", guest: deviceGuest, change: set(rngPCI+"config", map[int]byte{0x48: 2, 0x4d: 1}),
		want:    map[string]Verdict{"PLAT-VIRTIO-PCI": Fail},
		problem: map[string]string{"PLAT-VIRTIO-PCI": "not aligned to 4"},
	},
	{
		name: "a structure that is too short", guest: deviceGuest, change: set(rngPCI+"config", map[int]byte{0x4d: 0, 0x4c: 55}),
		want:    map[string]Verdict{"PLAT-VIRTIO-PCI": Fail},
		problem: map[string]string{"PLAT-VIRTIO-PCI": "virtio common of 55 bytes, want 56"},
	},
	{
		name: "notifications every three bytes", guest: deviceGuest, change: set(rngPCI+"config", map[int]byte{0x80: 3}),
		want:    map[string]Verdict{"PLAT-VIRTIO-PCI": Fail},
		problem: map[string]string{"PLAT-VIRTIO-PCI": "notify_off_multiplier 3"},
	},
	{
		name: "notifications all in one place", guest: deviceGuest, change: set(rngPCI+"config", map[int]byte{0x80: 0}),
		want: map[string]Verdict{},
	},
	{
		name: "shared memory behind its BAR", guest: deviceGuest, change: set(rngPCI+"config", map[int]byte{0x86: 24, 0x87: 8, 0x88: 4, 0x95: 0x50}),
		want:    map[string]Verdict{"PLAT-VIRTIO-PCI": Fail},
		problem: map[string]string{"PLAT-VIRTIO-PCI": "virtio shared memory"},
	},
	{
		name: "a transitional device without structures", guest: deviceGuest, change: set(rngPCI+"config", map[int]byte{0x34: 0x98}),
		want: map[string]Verdict{},
	},
	{
		name: "BARs that were not captured", guest: deviceGuest, change: remove(rngPCI + "resource"),
		want: map[string]Verdict{"PLAT-VIRTIO-PCI": Error, "PLAT-PCI-BARS": Error},
	},
	// PCI.
	{
		name: "a capability list that goes in a circle", guest: deviceGuest, change: set(portPCI+"config", map[int]byte{0x41: 0x54}),
		want:    map[string]Verdict{"PLAT-PCI-CONFIG": Fail},
		problem: map[string]string{"PLAT-PCI-CONFIG": "0000:00:08.0: capability list has no end"},
	},
	{
		name: "a capability in the header", guest: deviceGuest, change: set(rngPCI+"config", map[int]byte{0x41: 0x10}),
		want:    map[string]Verdict{"PLAT-PCI-CONFIG": Fail},
		problem: map[string]string{"PLAT-PCI-CONFIG": "capability pointer 0x10"},
	},
	{
		name: "an extended capability in front of all", guest: deviceGuest, change: set(portPCI+"config", map[int]byte{0x102: 0x02, 0x103: 0x04}),
		want:    map[string]Verdict{"PLAT-PCI-CONFIG": Fail},
		problem: map[string]string{"PLAT-PCI-CONFIG": "extended capability pointer 0x40"},
	},
	{
		name: "a bridge with a device's header", guest: deviceGuest, change: set(portPCI+"config", map[int]byte{0x0e: 0}),
		want:    map[string]Verdict{"PLAT-PCI-CONFIG": Fail},
		problem: map[string]string{"PLAT-PCI-CONFIG": "header type 0 with class 0x60400"},
	},
	{
		name: "a header of no known type", guest: deviceGuest, change: set(portPCI+"config", map[int]byte{0x0e: 3}),
		want: map[string]Verdict{"PLAT-PCI-CONFIG": Fail},
	},
	{
		name: "a function of several", guest: deviceGuest, change: set(portPCI+"config", map[int]byte{0x0e: 0x81}),
		want: map[string]Verdict{},
	},
	{
		name: "a BAR that found no room", guest: deviceGuest,
		change:  edit(rngPCI+"resource", "0x0000008000200000 0x0000008000203fff 0x000000000014220c", "0x0 0x3fff 0x000000002014220c"),
		want:    map[string]Verdict{"PLAT-PCI-BARS": Fail},
		problem: map[string]string{"PLAT-PCI-BARS": "0000:00:01.0 BAR 4: no window has room for its 0x4000 bytes"},
	},
	{
		name: "a BAR outside the windows", guest: deviceGuest, change: edit("proc/iomem", "  10200000-10200fff : 0000:00:01.0\n", ""),
		want:    map[string]Verdict{"PLAT-PCI-BARS": Fail},
		problem: map[string]string{"PLAT-PCI-BARS": "0000:00:01.0 BAR 1: 0x10200000+0x1000 is in no window"},
	},
	{
		name: "a BAR of an odd size", guest: deviceGuest, change: edit(rngPCI+"resource", "0x0000000010200fff", "0x0000000010202fff"),
		want: map[string]Verdict{"PLAT-PCI-BARS": Fail},
	},
	{
		name: "an MSI-X table behind its BAR", guest: deviceGuest, change: set(rngPCI+"config", map[int]byte{0x9d: 0x10}),
		want:    map[string]Verdict{"PLAT-PCI-BARS": Fail},
		problem: map[string]string{"PLAT-PCI-BARS": "MSI-X table at 0x1000+0x20, BAR 1 has 0x1000 bytes"},
	},
	{
		name: "a host bridge without I/O space", guest: deviceGuest,
		change: edit(rngPCI+"resource", "0x0000000000002140 0x000000000000215f 0x0000000000040101", "0x0 0x1f 0x0000000020040101"),
		want:   map[string]Verdict{},
	},
	{
		name: "messages that never come", guest: deviceGuest, change: silent,
		want:    map[string]Verdict{"PLAT-PCI-MSI-COUNT": Fail},
		problem: map[string]string{"PLAT-PCI-MSI-COUNT": "no message came, not even of the disk 0000:00:03.0"},
	},
	{
		name: "an ITS that PCI is not connected to", guest: deviceGuest, change: all(silent, noMSIX),
		want:    map[string]Verdict{"PLAT-PCI-MSI-COUNT": Fail},
		problem: map[string]string{"PLAT-PCI-MSI-COUNT": "the drivers of 6 devices with MSI got none"},
	},
	{
		name: "our own pci=nomsi", guest: deviceGuest, change: all(silent, noMSIX, edit("proc/cmdline", "panic=-1", "panic=-1 pci=nomsi")),
		want: map[string]Verdict{"PLAT-PCI-MSI-COUNT": Error},
	},
	{
		name: "devices that have not interrupted", guest: deviceGuest, change: all(silent, replace(virtioBus+"virtio3/status", "0x00000001\n")),
		want:    map[string]Verdict{"PLAT-PCI-MSI-COUNT": Error},
		problem: map[string]string{"PLAT-PCI-MSI-COUNT": "no device is known to have sent one"},
	},
	// Xen.
	{
		name: "Xen's features", guest: xenGuest, change: replace("sys/hypervisor/properties/features", "00004845\n"),
		want: map[string]Verdict{"PLAT-XEN-FEATURES": Pass},
	},
	{
		name: "memory that is not translated", guest: xenGuest, change: replace("sys/hypervisor/properties/features", "00004841\n"),
		want:    map[string]Verdict{"PLAT-XEN-FEATURES": Fail},
		problem: map[string]string{"PLAT-XEN-FEATURES": "XENFEAT_auto_translated_physmap (bit 2) is not offered"},
	},
	{
		name: "no grant table", guest: xenGuest, change: edit("vmspec/kmsg", "Grant tables using version 1 layout", "no"),
		want: map[string]Verdict{"PLAT-XEN-GRANTS": Fail},
	},
	{
		name: "a log that has lost the grant table", guest: xenGuest, change: replace("vmspec/kmsg", "[    9.000000] late\n"),
		want: map[string]Verdict{"PLAT-XEN-GRANTS": Error},
	},
	{
		name: "no interrupt for events", guest: xenGuest, change: edit("proc/interrupts", "Level     events", "Level     nothing"),
		want: map[string]Verdict{"PLAT-XEN-EVENTS": Fail},
	},
	{
		name: "no event yet", guest: xenGuest, change: edit("proc/interrupts", "1     GICv3  16 Level     events", "0     GICv3  16 Level     events"),
		want: map[string]Verdict{"PLAT-XEN-EVENTS": Error},
	},
	{
		name: "a disk that is connected", guest: xenGuest, change: frontend("Connected"),
		want: map[string]Verdict{"PLAT-XEN-FRONTENDS": Pass, "PLAT-HOTPLUG-BUS": Pass, "PLAT-BLOCK-READ": Error},
	},
	{
		name: "a disk whose backend does not answer", guest: xenGuest, change: frontend("Initialised"),
		want:    map[string]Verdict{"PLAT-XEN-FRONTENDS": Fail, "PLAT-HOTPLUG-BUS": Pass, "PLAT-BLOCK-READ": Error},
		problem: map[string]string{"PLAT-XEN-FRONTENDS": "vbd-51712 Initialised"},
	},
	{
		name: "a disk that was unplugged", guest: xenGuest, change: frontend("Closed"),
		want: map[string]Verdict{"PLAT-XEN-FRONTENDS": Error, "PLAT-HOTPLUG-BUS": Pass, "PLAT-BLOCK-READ": Error},
	},
	{
		name: "a disk without a driver", guest: xenGuest, change: replace(vbd+"state", "Initialising\n"),
		want: map[string]Verdict{"PLAT-XEN-FRONTENDS": Error, "PLAT-HOTPLUG-BUS": Pass, "PLAT-BLOCK-READ": Error},
	},
}

const vbd = "sys/bus/xen/devices/vbd-51712/"

// frontend adds a disk to the Xen PV bus, with a driver.
func frontend(state string) change {
	return all(replace(vbd+"nodename", "device/vbd/51712\n"), replace(vbd+"state", state+"\n"), link(vbd+"driver", "../../drivers/vbd"))
}

// link adds a symbolic link, by way of a capture.
func link(name, target string) change {
	return func(t testing.TB, files *guest.FS) *guest.FS {
		var before, after bytes.Buffer
		require.NoError(t, files.WriteCapture(&before))
		in, err := gzip.NewReader(&before)
		require.NoError(t, err)
		zip := gzip.NewWriter(&after)
		out := tar.NewWriter(zip)
		for entries := tar.NewReader(in); ; {
			h, err := entries.Next()
			if err == io.EOF {
				break
			}
			require.NoError(t, err)
			require.NoError(t, out.WriteHeader(h))
			_, err = io.Copy(out, entries)
			require.NoError(t, err)
		}
		require.NoError(t, out.WriteHeader(&tar.Header{Name: name, Linkname: target, Typeflag: tar.TypeSymlink, Format: tar.FormatPAX}))
		require.NoError(t, errors.Join(out.Close(), zip.Close()))
		linked, err := guest.ReadCapture(&after)
		require.NoError(t, err)
		return linked
	}
}
