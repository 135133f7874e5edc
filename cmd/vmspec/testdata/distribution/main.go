// Distribution is the PID 1 of a guest that somebody else set up: it starts
// the suite's init as an ordinary program, as root and as nobody, and tells
// what it did to the system.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

func main() {
	for dir, fstype := range map[string]string{"/proc": "proc", "/sys": "sysfs", "/dev": "devtmpfs"} {
		if err := syscall.Mount(fstype, dir, fstype, 0, ""); err != nil {
			fmt.Println("mount:", err)
		}
	}
	// Keep the kernel's messages out of the report, as a distribution does.
	if err := os.WriteFile("/proc/sys/kernel/printk", []byte("1"), 0o644); err != nil {
		fmt.Println("printk:", err)
	}
	for _, uid := range []uint32{0, 65534} {
		before := state()
		suite := exec.Command("/suite")
		suite.Stdout, suite.Stderr = os.Stdout, os.Stdout
		suite.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		err := suite.Run()
		fmt.Printf("uid %d: exit status %d, changed nothing: %v, %v\n", uid, suite.ProcessState.ExitCode(), before == state(), err)
	}
	if err := syscall.Reboot(syscall.LINUX_REBOOT_CMD_POWER_OFF); err != nil {
		fmt.Println("reboot:", err)
	}
}

// state is what a program that changes the system would change.
func state() string {
	out := ""
	for _, name := range []string{"/proc/mounts", "/proc/modules", "/proc/sys/kernel/printk"} {
		text, err := os.ReadFile(name)
		out += fmt.Sprintf("%s %s %v\n", name, text, err)
	}
	for _, dir := range []string{"/", "/tmp", "/dev"} {
		entries, err := os.ReadDir(dir)
		out += fmt.Sprintf("%s %v %v\n", dir, entries, err)
	}
	return out
}
