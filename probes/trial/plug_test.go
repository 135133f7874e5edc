package trial

import (
	"bytes"
	"errors"
	"io/fs"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"vmspec/probes/disk"
	"vmspec/probes/hotplug"
	"vmspec/probes/look"
	"vmspec/probes/note"
)

// A hotVM is a guest whose host acts as a test says. A step of it takes a second.
type hotVM struct {
	plugging
	files fstest.MapFS
	asked []string
	loads int
	tick  int
	typed []string
	does  func(vm *hotVM) // at each tick
}

// askKinds runs the trial in it.
func (vm *hotVM) askKinds(t *testing.T, kinds ...string) []string {
	t.Helper()
	vm.files = fstest.MapFS{
		"sys/block/vda/device": {Mode: fs.ModeDir}, "sys/block/vda/size": {Data: []byte("8\n")}, "sys/block/loop0/size": {Data: []byte("0\n")},
		"sys/bus/pci/devices/0000:00:01.0/class": {},
	}
	vm.plugging = plugging{
		Host: Host{
			Request: func(r Request) string {
				return strings.TrimSpace(map[bool]string{true: "unplug", false: "plug"}[r.Unplug] + " " + r.Kind + " " + r.Nonce)
			},
			Answer: func(line string) (r Reply, ok bool) {
				words := strings.Fields(line)
				if len(words) != 4 {
					return r, false
				}
				return Reply{Request{words[2], words[3], words[1] == "unplug"}, words[0] == "done"}, true
			},
			Load:   func() { vm.loads++ },
			Within: 30 * time.Second,
		},
		outside: outside{
			ask: func(line string) error {
				vm.asked = append(vm.asked, line)
				return nil
			},
			typed: func() (lines []string) {
				lines, vm.typed = vm.typed, nil
				return lines
			},
			wait: func() {
				vm.tick++
				vm.does(vm)
			},
		},
		root: vm.files,
		now:  func() time.Duration { return time.Duration(vm.tick) * time.Second },
		look: func(d *hotplug.Device) { d.Address = "looked-at" },
	}
	var n hotplug.Note
	vm.try(kinds, &n)
	nonces := []string{}
	for i, d := range n.Devices {
		require.Regexp(t, "^[0-9a-f]{8}$", d.Nonce)
		nonces = append(nonces, d.Nonce, "NONCE"+string(rune('0'+i)))
	}
	text := strings.NewReplacer(nonces...).Replace(string(note.Text(&n)))
	for i := range vm.asked {
		vm.asked[i] = strings.NewReplacer(nonces...).Replace(vm.asked[i])
	}
	return strings.Split(strings.TrimSpace(text), "\n")
}

// answers types an answer to the request that was asked as the nth.
func (vm *hotVM) answers(word string, nth int) { vm.typed = append(vm.typed, word+" "+vm.asked[nth]) }

func (vm *hotVM) plugDisk(name, at string) {
	vm.files["sys/bus/pci/devices/"+at+"/class"] = &fstest.MapFile{}
	vm.files["sys/block/"+name] = &fstest.MapFile{Mode: fs.ModeSymlink, Data: []byte("../devices/pci0000:00/0000:00:01.0/" + at + "/virtio1/block/" + name)}
	dir := "sys/devices/pci0000:00/0000:00:01.0/" + at + "/virtio1/block/" + name
	vm.files[dir+"/size"] = &fstest.MapFile{Data: []byte("2048\n")}
	vm.files[dir+"/device/driver"] = &fstest.MapFile{}
}

func (vm *hotVM) plugNIC(name, device string) {
	vm.files["sys/bus/xen/devices/"+device+"/nodename"] = &fstest.MapFile{}
	vm.files["sys/class/net/"+name] = &fstest.MapFile{Mode: fs.ModeSymlink, Data: []byte("../../devices/" + device + "/net/" + name)}
	vm.files["sys/devices/"+device+"/net/"+name+"/device/driver"] = &fstest.MapFile{}
}

func TestPlug(t *testing.T) {
	vm := &hotVM{does: func(vm *hotVM) {
		switch vm.tick {
		case 1:
			vm.answers("done", 0)
			vm.plugDisk("vdb", "0000:01:00.0")
		case 2:
			vm.plugNIC("eth0", "vif-0")
		case 4:
			delete(vm.files, "sys/block/vdb")
		case 9:
			vm.answers("done", 3)
		case 10:
			delete(vm.files, "sys/class/net/eth0")
		}
	}}
	require.Equal(t, []string{
		"asked block NONCE0 30 ok", "plug block done", "came block vdb 0000:01:00.0 1000", "address block looked-at", "gone block 3000",
		"asked net NONCE1 30 ok", "came net eth0 vif-0 2000", "address net looked-at", "unplug net done", "gone net 8000",
	}, vm.askKinds(t, "block", "net"))
	require.Equal(t, []string{"plug block NONCE0", "plug net NONCE1", "unplug block NONCE0", "unplug net NONCE1"}, vm.asked)
	require.Equal(t, 2, vm.loads, "once for each device on a bus")
	require.Equal(t, 10, vm.tick)
}

func TestPlugInVain(t *testing.T) {
	for name, test := range map[string]struct {
		does  func(vm *hotVM)
		want  []string
		ticks int
	}{
		"nobody answers": {func(*hotVM) {}, nil, 31},
		"the host cannot": {func(vm *hotVM) {
			vm.answers("cannot", 0)
		}, []string{"plug block cannot"}, 1},
		"an answer to others": {func(vm *hotVM) {
			vm.typed = append(vm.typed, "cannot plug block 00000000", "cannot plug net NONCE", "hello")
		}, nil, 31},
		"done, and nothing came": {func(vm *hotVM) {
			if vm.tick == 1 {
				vm.answers("done", 0)
			}
		}, []string{"plug block done"}, 31},
		"a device without a driver": {func(vm *hotVM) {
			vm.files["sys/bus/pci/devices/0000:01:00.0/class"] = &fstest.MapFile{}
		}, []string{"other block 0000:01:00.0 none"}, 31},
		"a device of another kind": {func(vm *hotVM) {
			vm.files["sys/bus/pci/devices/0000:01:00.0/driver"] = &fstest.MapFile{Mode: fs.ModeSymlink, Data: []byte("../../../drivers/virtio-pci")}
		}, []string{"other block 0000:01:00.0 virtio-pci"}, 31},
		"a drive without a medium": {func(vm *hotVM) {
			vm.files["sys/block/sr0/device/driver"] = &fstest.MapFile{}
			vm.files["sys/block/sr0/size"] = &fstest.MapFile{Data: []byte("0\n")}
		}, nil, 31},
		"a device without hardware": {func(vm *hotVM) { vm.files["sys/block/loop1/size"] = &fstest.MapFile{Data: []byte("8\n")} }, nil, 31},
		"it stays": {func(vm *hotVM) {
			if vm.tick == 2 {
				vm.plugDisk("vdb", "0000:01:00.0")
			}
		}, []string{"came block vdb 0000:01:00.0 2000", "address block looked-at"}, 33},
		"the host cannot unplug": {func(vm *hotVM) {
			if vm.plugDisk("vdb", "0000:01:00.0"); len(vm.asked) == 2 {
				vm.answers("cannot", 1)
			}
		}, []string{"came block vdb 0000:01:00.0 1000", "address block looked-at", "unplug block cannot"}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			vm := &hotVM{does: test.does}
			require.Equal(t, append([]string{"asked block NONCE0 30 ok"}, test.want...), vm.askKinds(t, "block"))
			require.Equal(t, test.ticks, vm.tick)
		})
	}
}

// Who cannot ask does not wait.
func TestPlugWithoutTerminals(t *testing.T) {
	var n hotplug.Note
	err := Plug(fstest.MapFS{}, []string{"no-such-terminal"}, []string{"block"}, Host{}, &n)
	require.Error(t, err)
	require.Empty(t, n.Devices)
	p := plugging{Host: Host{Request: func(Request) string { return "" }}, root: fstest.MapFS{}, now: func() time.Duration { return 0 },
		outside: outside{ask: func(string) error { return syscall.EIO }}}
	p.try([]string{"block"}, &n)
	require.Equal(t, "EIO input/output error", n.Devices[0].Asked)
}

// marked is a disk of 4 KiB whose blocks begin so.
func marked(first, last string) look.BlockReader {
	b := make([]byte, 4096)
	copy(b, first)
	copy(b[3584:], last)
	return markedDisk{bytes.NewReader(b)}
}

type markedDisk struct{ *bytes.Reader }

func (markedDisk) Close() error { return nil }

func TestReadEnds(t *testing.T) {
	ours, theirs := hotplug.MarkOf("7f3a9c21"), hotplug.MarkOf("00000000")
	for name, test := range map[string]struct {
		disk look.BlockReader
		want string
	}{
		"made for it":             {marked(ours, ours), hotplug.MarkOurs},
		"of another size":         {marked(ours, ""), hotplug.MarkHalf},
		"of another request":      {marked(theirs, theirs), hotplug.MarkOthers},
		"somebody's":              {marked("data", "more"), hotplug.MarkNone},
		"a nonce that goes on":    {marked(strings.TrimSpace(ours)+"1", ""), hotplug.MarkOthers},
		"one that cannot be read": {brokenDisk{fakeDisk{fault: syscall.EIO}}, hotplug.MarkNone},
	} {
		d := hotplug.Device{Nonce: "7f3a9c21"}
		readEnds(disk.Disk{Size: 4096, Block: 512}, test.disk, &d)
		require.Equal(t, test.want, d.Mark, name)
		require.Len(t, d.Reads, 2, name)
		require.EqualValues(t, 3584, d.Reads[1].Offset)
		require.Equal(t, name == "one that cannot be read", d.Reads[0].Result != "ok", name)
	}
	var d hotplug.Device
	readEnds(disk.Disk{Size: 1 << 20}, marked("", ""), &d)
	require.Empty(t, d.Reads, "no blocks")
}

func TestLookAtLink(t *testing.T) {
	looks := 0
	late := link{up: func() error { return nil }, carrier: func() bool { looks++; return looks > 2 }}
	var d hotplug.Device
	lookAtLink(late, nil, &d)
	require.True(t, *d.Carrier)
	require.Equal(t, "ok", d.Up)
	d = hotplug.Device{}
	lookAtLink(link{up: func() error { return syscall.EPERM }}, nil, &d)
	require.Nil(t, d.Carrier)
	require.Equal(t, "EPERM operation not permitted", d.Up)
	lookAtLink(link{}, errors.New("no such interface"), &d)
	require.Equal(t, "no such interface", d.Up)
}

func TestAddressKind(t *testing.T) {
	for want, address := range map[string]net.HardwareAddr{
		"none": nil, "zero": make([]byte, 6), "group": {1, 0, 0, 0, 0, 0}, "unicast": {0x52, 0x54, 0, 0, 0, 1},
	} {
		require.Equal(t, want, addressKind(&net.Interface{HardwareAddr: address}))
	}
	require.Equal(t, "none", addressKind(nil))
}
