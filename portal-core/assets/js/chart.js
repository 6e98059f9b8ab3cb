// What a chart says of the point below the pointer.
