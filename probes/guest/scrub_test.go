package guest

import (
	"bytes"
	"encoding/binary"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/require"
	"github.com/u-root/u-root/pkg/dt"

	"vmspec/probes/efi"
	"vmspec/probes/fdt"
)

func TestScrub(t *testing.T) {
	for text, want := range map[string]string{
		"":                                   "",
		"52:54:00:12:34:5":                   "52:54:00:12:34:5",
		"a52:54:00:12:34:56":                 "a52:54:00:12:34:56", // longer than an address: a hash, a key
		"52:54:00:12:34:56:78":               "xx:xx:xx:xx:xx:xx:78",
		"52:54-00:12:34:56":                  "52:54-00:12:34:56",
		"eth0: 52:54:00:AB:cd:ef up\n":       "eth0: xx:xx:xx:xx:xx:xx up\n",
		"BOOTIF=01-52-54-00-12-34-56":        "BOOTIF=xx-xx-xx-xx-xx-xx-56",
		"usb 1-1: SerialNumber: A 1-2\nnext": "usb 1-1: SerialNumber: x x-x\nnext",
		"SerialNumber: 1\nSerialNumber: 2":   "SerialNumber: x\nSerialNumber: x",
	} {
		got := []byte(text)
		Scrub(got)
		require.Equal(t, want, string(got), text)
	}
}

// scrubbed is a file as a capture would hold it.
func scrubbed(name string, data []byte) []byte {
	out := bytes.Clone(data)
	scrub(name, out)
	return out
}

func TestScrubTree(t *testing.T) {
	root := dt.NewNode("", dt.WithProperty(
		dt.PropertyString("serial-number", "S3CR3T"), dt.PropertyString("compatible", "linux,dummy-virt")), dt.WithChildren(
		dt.NewNode("chosen", dt.WithProperty(dt.PropertyString("bootargs", "ip=52:54:00:12:34:56"))),
		dt.NewNode("ethernet@0", dt.WithProperty(dt.Property{Name: "local-mac-address", Value: []byte{0x52, 0x54, 0, 0x12, 0x34, 0x56}}))))
	var blob bytes.Buffer
	_, err := (&dt.FDT{Header: dt.Header{Magic: dt.Magic, Version: 17, LastCompVersion: 16}, RootNode: root}).Write(&blob)
	require.NoError(t, err)

	clean := scrubbed(fdt.Path, blob.Bytes())
	tree, err := fdt.Parse(clean)
	require.NoError(t, err)
	serial, _ := tree.Root.String("serial-number")
	require.Equal(t, "xxxxxx", serial)
	args, _ := tree.Lookup("/chosen").String("bootargs")
	require.Equal(t, "ip=xx:xx:xx:xx:xx:xx", args)
	mac, _ := tree.Lookup("/ethernet@0").Value("local-mac-address")
	require.Equal(t, []byte("xx\x00xxx"), mac)
	require.Equal(t, []string{"linux,dummy-virt"}, tree.Root.Compatible())

	require.Equal(t, "junk", string(scrubbed(fdt.Path, []byte("junk"))), "a tree that cannot be read is what is to be judged")
}

// option lays out a Boot#### variable.
func option(description string, path ...[]byte) []byte {
	nodes := bytes.Join(path, nil)
	out := []byte{7, 0, 0, 0, 1, 0, 0, 0}
	out = binary.LittleEndian.AppendUint16(out, uint16(len(nodes)))
	for _, u := range append(utf16.Encode([]rune(description)), 0) {
		out = binary.LittleEndian.AppendUint16(out, u)
	}
	return append(out, nodes...)
}

func pathNode(kind, sub byte, data ...byte) []byte {
	return append([]byte{kind, sub, byte(4 + len(data)), 0}, data...)
}

func TestScrubVariable(t *testing.T) {
	const name = "sys/firmware/efi/efivars/Boot0001-8be4df61-93ca-11d2-aa0d-00e098032b8c"
	disk := pathNode(4, 1, 9, 9, 9)
	variable := option("UEFI PXEv4 (MAC:525400123456)", pathNode(3, 11, 0x52, 0x54, 0, 0x12), disk, pathNode(3, 23, 1, 2), pathNode(0x7f, 0xff))
	got, err := efi.ParseLoadOption(scrubbed(name, variable))
	require.NoError(t, err)
	require.Equal(t, "UEFI PXEv4 (MAC:xxxxxxxxxxxx)", got.Description)
	require.Equal(t, []efi.PathNode{{Type: 3, SubType: 11, Data: make([]byte, 4)}, {Type: 4, SubType: 1, Data: []byte{9, 9, 9}}, {Type: 3, SubType: 23, Data: make([]byte, 2)}}, got.Path)
	require.Equal(t, "junk", string(scrubbed(name, []byte("junk"))))
}

const config = "sys/devices/pci0000:00/0000:00:01.0/config"

func TestScrubConfig(t *testing.T) {
	space := make([]byte, 4096)
	put := func(at int, value uint32) { binary.LittleEndian.PutUint32(space[at:], value) }
	put(0x100, 0x1500_0001) // error reporting, next at 0x150
	put(0x104, 7)
	put(0x150, 0x1501_0003) // the serial number, next at itself
	put(0x154, 0x12345678)
	put(0x158, 0x9abcdef0)
	got := scrubbed(config, space)
	require.Equal(t, make([]byte, 8), got[0x154:0x15c])
	clear(space[0x154:0x15c])
	require.Equal(t, space, got, "nothing else")
	for _, size := range []int{0, 64, 256, 0x108} {
		require.Equal(t, space[:size], scrubbed(config, space[:size]))
	}
}

// What was scrubbed is as long as it was, and scrubbing it again changes
// nothing.
func FuzzScrub(f *testing.F) {
	f.Add([]byte("eth0: 52:54:00:12:34:56 SerialNumber: 1\n"))
	f.Add(option("UEFI PXEv4 (MAC:525400123456)", pathNode(3, 11, 1, 2, 3)))
	f.Add(guests(f)["qemu-virt-gicv2"].entries[fdt.Path].data)
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, name := range []string{"proc/cmdline", fdt.Path, "sys/firmware/efi/efivars/Boot0000-x", config} {
			once := scrubbed(name, data)
			require.Equal(t, once, scrubbed(name, once))
		}
	})
}
