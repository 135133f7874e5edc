package network_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"vmspec/probes/network"
)

func machine(changes map[string]string) fstest.MapFS {
	m := fstest.MapFS{"sys/class/net/eth0/device/driver": {Data: []byte("../../virtio_net"), Mode: fs.ModeSymlink}}
	for name, text := range map[string]string{"lo/type": "772", "eth0/type": "1", "eth0/operstate": "up", "eth0/carrier": "1", "eth0/mtu": "1500"} {
		if change, ok := changes[name]; ok {
			text = change
		}
		if text != "" {
			m["sys/class/net/"+name] = &fstest.MapFile{Data: []byte(text + "\n")}
		}
	}
	return m
}

func TestReadFaults(t *testing.T) {
	for name, text := range map[string]string{"type": "x", "mtu": strings.Repeat("9", 1<<19)} {
		_, err := network.Read(machine(map[string]string{"eth0/" + name: text}))
		require.ErrorContains(t, err, "interface eth0: parse sys/class/net/eth0/"+name)
		require.Less(t, len(err.Error()), 200)
		_, err = network.Read(machine(map[string]string{"eth0/" + name: ""}))
		require.ErrorIs(t, err, fs.ErrNotExist)
	}
	_, err := network.Read(failing{})
	require.ErrorIs(t, err, errors.ErrUnsupported)
}

type failing struct{}

func (failing) Open(string) (fs.File, error) { return nil, errors.ErrUnsupported }

func TestRead(t *testing.T) {
	up, down := true, false
	eth0 := network.Interface{Name: "eth0", Type: 1, Driver: "virtio_net", State: "up", Carrier: &up, MTU: 1500,
		Trial: network.Trial{Err: "open vmspec/network: file does not exist"}}
	tests := map[string]struct {
		changes map[string]string
		want    func(i *network.Interface)
	}{
		"whole":    {nil, func(*network.Interface) {}},
		"no cable": {map[string]string{"eth0/carrier": "0"}, func(i *network.Interface) { i.Carrier = &down }},
		"down":     {map[string]string{"eth0/carrier": "", "eth0/operstate": "down"}, func(i *network.Interface) { i.Carrier, i.State = nil, "down" }},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			want := eth0
			test.want(&want)
			got, err := network.Read(machine(test.changes))
			require.NoError(t, err)
			require.Equal(t, []network.Interface{want}, got)
		})
	}
	for name, files := range map[string]fstest.MapFS{
		"no class": {}, "no interface": {"sys/class/net": {Mode: fs.ModeDir}}, "loopback alone": {"sys/class/net/lo/type": {}},
	} {
		got, err := network.Read(files)
		require.NoError(t, err, name)
		require.Empty(t, got, name)
	}
}

// trialOf is what a note says of eth0.
func trialOf(t *testing.T, text string) network.Trial {
	t.Helper()
	files := machine(nil)
	files["vmspec/network"] = &fstest.MapFile{Data: []byte(text)}
	got, err := network.Read(files)
	require.NoError(t, err)
	return got[0].Trial
}

func TestReadTrial(t *testing.T) {
	up, down, soon := true, false, uint64(40)
	tests := map[string]struct {
		text string
		want network.Trial
	}{
		"failed":              {"error hung for 15s\n", network.Trial{Err: "vmspec/network: hung for 15s"}},
		"a carrier no number": {"carrier eth0 up\n", network.Trial{Err: `vmspec/network: carrier: 0|1: "up" is neither 0 nor 1`}},
		"an offer no number":  {"offer eth0\n", network.Trial{Err: "vmspec/network: offer: no MILLISECONDS"}},
		"failed half-way":     {"up eth0 ok\nerror gone\n", network.Trial{Name: "eth0", Up: "ok", Err: "vmspec/network: gone"}},
		"not up":              {"up eth0 EPERM operation not permitted\n", network.Trial{Name: "eth0", Up: "EPERM operation not permitted"}},
		"no carrier":          {"up eth0 ok\ncarrier eth0 0\n", network.Trial{Name: "eth0", Up: "ok", Carrier: &down}},
		"no answer":           {"up eth0 ok\ncarrier eth0 1\nask eth0 ok\n", network.Trial{Name: "eth0", Up: "ok", Carrier: &up, Ask: "ok"}},
		"another interface":   {"up eth1 ok\ncarrier eth1 1\n", network.Trial{}},
		"a word we know not":  {"later eth0\n", network.Trial{}},
		"whole": {"up eth0 ok\ncarrier eth0 1\nask eth0 ok\noffer eth0 40\n",
			network.Trial{Name: "eth0", Up: "ok", Carrier: &up, Ask: "ok", Offer: &soon}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { require.Equal(t, test.want, trialOf(t, test.text)) })
	}
}

// Whatever stands in the note, an error says where.
func FuzzReadTrial(f *testing.F) {
	f.Add("up eth0 ok\ncarrier eth0 1\nask eth0 ok\noffer eth0 40\n")
	f.Add("up eth0 EPERM operation not permitted\nerror gone\n")
	f.Fuzz(func(t *testing.T, text string) {
		if got := trialOf(t, text); got.Err != "" {
			require.Contains(t, got.Err, "vmspec/network")
		}
	})
}
