#!/bin/sh
# Plugs, unplugs and pauses a domain of libvirt's for the guest in it, by virsh.
#
#   --on-need 'hotplug-block=adapters/libvirt.sh my-domain'
#   --on-need 'hotplug-net=adapters/libvirt.sh my-domain' --on-need 'pause=adapters/libvirt.sh my-domain'
#
# libvirtd must be able to read VMSPEC_DISK: copy it where it can, if it runs on
# another machine. The domain needs a free port for each: <controller type='pci'
# model='pcie-root-port'/>. NETWORK is one of libvirt's, or "user", which needs none:
# QEMU's own.
#
# usage: libvirt.sh DOMAIN [NETWORK], with what the guest needs in VMSPEC_*: vmspec help hotplug
set -eu

[ $# = 1 ] || [ $# = 2 ] || { echo 'usage: libvirt.sh DOMAIN [NETWORK]' >&2; exit 3; }
domain=$1
network=${2:-default}
disk=vdz # no other of the domain's is called so
kind=network
[ "$network" != user ] || kind=user

case $VMSPEC_NEED in
hotplug-block)
	virsh attach-disk "$domain" "$VMSPEC_DISK" "$disk" --targetbus virtio --driver qemu --subdriver raw --live
	;;
unplug-block)
	virsh detach-disk "$domain" "$disk" --live
	;;
hotplug-net)
	if [ $kind = user ]; then # attach-interface has no such kind
		virsh attach-device "$domain" /dev/stdin --live <<-END
			<interface type='user'><mac address='$VMSPEC_MAC'/><model type='virtio'/><rom enabled='no'/></interface>
		END
	else
		virsh attach-interface "$domain" $kind "$network" --model virtio --mac "$VMSPEC_MAC" --live
	fi
	;;
unplug-net)
	virsh detach-interface "$domain" $kind --mac "$VMSPEC_MAC" --live
	;;
pause)
	trap 'virsh resume "$domain"' EXIT # whatever ends us
	trap 'exit 1' INT TERM
	virsh suspend "$domain"
	sleep 5
	;;
*)
	echo "libvirt.sh does not serve $VMSPEC_NEED" >&2
	exit 3
	;;
esac
