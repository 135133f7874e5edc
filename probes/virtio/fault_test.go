package virtio

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFaultOf(t *testing.T) {
	log := []string{
		"[    1.0] virtio_blk virtio10: virtio: device refuses features: 3",
		"[    1.1] virtio_blk virtio1: probe with driver virtio_blk failed with error -19",
		"[    1.2] virtio_net virtio2: device advertises feature VIRTIO_NET_F_MQ but not VIRTIO_NET_F_CTRL_VQ",
		"[    1.3] virtio_net virtio2: virtio: device refuses features: b",
	}
	for name, want := range map[string]string{
		"virtio0": "", "virtio1": "",
		"virtio2":  "virtio_net virtio2: device advertises feature VIRTIO_NET_F_MQ but not VIRTIO_NET_F_CTRL_VQ",
		"virtio10": "virtio_blk virtio10: virtio: device refuses features: 3",
	} {
		require.Equal(t, want, Device{Name: name}.fault(log))
	}
	for name, c := range map[string]struct {
		device Device
		want   bool
	}{
		"no fault":            {Device{Status: 0x83}, false},
		"driven all the same": {Device{Fault: "x", Driver: "virtio_blk", Status: 0xf}, false},
		"given up":            {Device{Fault: "x", Driver: "virtio_blk", Status: 0x83}, true},
		"without a driver":    {Device{Fault: "x"}, true},
	} {
		require.Equal(t, c.want, c.device.Refused(), name)
	}
}
