package trial

import (
	"io/fs"

	"vmspec/probes/console"
	"vmspec/probes/note"
	"vmspec/probes/sysfs"
)

// PortClass is where a kernel that drives a virtio console lists those of its ports
// that are no terminals.
const PortClass = "sys/class/virtio-ports"

// Ports opens each such port and closes it again.
func Ports(root fs.FS, n *console.PortsNote) error { return tryPorts(root, openPort, n) }

func tryPorts(root fs.FS, open func(name string) error, n *console.PortsNote) error {
	names, err := sysfs.Names(root, PortClass)
	for _, name := range names {
		n.Ports = append(n.Ports, console.Port{Name: name, Result: note.Result(open(name))})
	}
	return err
}
