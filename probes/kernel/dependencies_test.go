package kernel_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes/kernel"
)

func TestParseDependencies(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want kernel.Dependencies
	}{
		"empty":            {"", kernel.Dependencies{}},
		"no colon":         {"kernel/a.ko\n", kernel.Dependencies{}},
		"no file":          {": kernel/a.ko\n", kernel.Dependencies{}},
		"needs nothing":    {"kernel/a.ko:\n", kernel.Dependencies{"a": {"kernel/a.ko"}}},
		"no line feed":     {"kernel/a.ko: kernel/b.ko", kernel.Dependencies{"a": {"kernel/a.ko", "kernel/b.ko"}}},
		"dashes":           {"net/virtio-net.ko:\n", kernel.Dependencies{"virtio_net": {"net/virtio-net.ko"}}},
		"packed":           {"a.ko.xz: b.ko.xz\n", kernel.Dependencies{"a": {"a.ko.xz", "b.ko.xz"}}},
		"good after wrong": {"junk\na.ko:\n", kernel.Dependencies{"a": {"a.ko"}}},
	} {
		require.Equal(t, test.want, kernel.ParseDependencies(test.text), name)
	}
}

func TestOrder(t *testing.T) {
	d := kernel.ParseDependencies("virtio-net.ko: failover.ko virtio_ring.ko\nfailover.ko:\nvirtio_ring.ko: virtio.ko\nvirtio.ko:\n" +
		"twice.ko: virtio.ko virtio_ring.ko\nx.ko: y.ko\ny.ko: x.ko\nbroken.ko: twice.ko gone.ko\n")
	for _, test := range []struct {
		module string
		want   []string
		err    string
	}{
		{"virtio", []string{"virtio.ko"}, ""},
		{"virtio_net", []string{"failover.ko", "virtio.ko", "virtio_ring.ko", "virtio-net.ko"}, ""},
		{"virtio-net", []string{"failover.ko", "virtio.ko", "virtio_ring.ko", "virtio-net.ko"}, ""},
		{"twice", []string{"virtio.ko", "virtio_ring.ko", "twice.ko"}, ""},
		{"x", []string{"y.ko", "x.ko"}, ""},
		{"broken", nil, "broken needs no module gone at hand"},
		{"gone", nil, "no module gone at hand"},
	} {
		files, err := d.Order(test.module)
		if test.err != "" {
			require.EqualError(t, err, test.err, test.module)
			continue
		}
		require.NoError(t, err, test.module)
		require.Equal(t, test.want, files, test.module)
	}
}
