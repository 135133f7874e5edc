package trial

import (
	"fmt"
	"io"
	"io/fs"

	"vmspec/probes/note"
	"vmspec/probes/sysfs"
)

// PortClass is where the kernel lists the ports of virtio consoles that are no
// terminals, once it drives a virtio console.
const PortClass = "sys/class/virtio-ports"

// TrialPorts opens each such port and closes it again. It writes
//
//	port DEVICE RESULT
//
// with results as [tryVariables] has them.
func TrialPorts(root fs.FS, out io.Writer) error { return tryPorts(root, openPort, out) }

func tryPorts(root fs.FS, open func(name string) error, out io.Writer) error {
	names, err := sysfs.Names(root, PortClass)
	for _, name := range names {
		fmt.Fprintf(out, "port %s %s\n", name, note.Result(open(name)))
	}
	return err
}
