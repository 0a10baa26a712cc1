"""What files of anyone say of motion: fields, tracks, flow, paths of cameras, depth."""
