package hotplug_test

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"vmspec/probes/guest/guesttest"
	"vmspec/probes/hotplug"
)

func read(text string) hotplug.Facts {
	return hotplug.Read(fstest.MapFS{"vmspec/hotplug": {Data: []byte(text)}})
}

func TestRead(t *testing.T) {
	asked := hotplug.Device{Kind: "block", Nonce: "1", Seconds: 30, Asked: "ok"}
	tests := map[string]struct {
		text string
		want hotplug.Facts
	}{
		"failed":          {"error hung for 90s\n", hotplug.Facts{TrialErr: "vmspec/hotplug: hung for 90s"}},
		"failed half-way": {"asked block 1 30 ok\nerror gone\n", hotplug.Facts{Devices: []hotplug.Device{asked}, TrialErr: "vmspec/hotplug: gone"}},
		"no nonce":        {"asked block\n", hotplug.Facts{TrialErr: "vmspec/hotplug: asked: no NONCE"}},
		"a time no number": {"asked block 1 30 ok\ncame block vda 0000:01:00.0 x\n",
			hotplug.Facts{Devices: []hotplug.Device{asked}, TrialErr: `vmspec/hotplug: came: MILLISECONDS: "x" is not a number`}},
		"a carrier no bit": {"asked block 1 30 ok\ncarrier block up\n",
			hotplug.Facts{Devices: []hotplug.Device{asked}, TrialErr: `vmspec/hotplug: carrier: 0|1: "up" is neither 0 nor 1`}},
		"whole": {"asked block 1 30 ok\n", hotplug.Facts{Devices: []hotplug.Device{asked}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { require.Equal(t, test.want, read(test.text)) })
	}
	require.Zero(t, hotplug.Read(fstest.MapFS{}), "nobody was asked")
	require.Zero(t, hotplug.Read(guesttest.Open(t, "qemu-virt-gicv2")), "an older capture")
}

func TestOf(t *testing.T) {
	f := read("asked block 1 30 ok\nasked net 2 30 ok\n")
	require.Equal(t, "2", f.Of(hotplug.Net).Nonce)
	require.Nil(t, f.Of("tpm"))
}

func TestMark(t *testing.T) {
	block := append([]byte(hotplug.MarkOf("7f3a9c21")), make([]byte, 512)...)
	require.True(t, hotplug.IsMark(block))
	require.False(t, hotplug.IsMark(block[:8]))
	require.False(t, hotplug.IsMark(make([]byte, 512)))
}

// Whatever stands in the note, an error says where.
func FuzzRead(f *testing.F) {
	f.Add("asked block 1 30 ok\ncame block vda 0000:01:00.0 340\nblock block 0 ok\ngone block 9\n")
	f.Add("asked net 1 30 ok\nother net x none\nerror gone\n")
	f.Fuzz(func(t *testing.T, text string) {
		if got := read(text); got.TrialErr != "" {
			require.Contains(t, got.TrialErr, "vmspec/hotplug")
		}
	})
}
